/** The gateway role: the HTTP face. Holds no data; every answer comes from the config role or from the
 *  aggregator that owns the instrumentation, and nothing a client asks for runs on this event loop beyond
 *  reading its statement. Owns: routes, errors as problem+json, the door (origin, host, token), OpenAPI. */
import { timingSafeEqual } from 'node:crypto';
import accepts from '@fastify/accepts';
import swagger from '@fastify/swagger';
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { GatewayContext } from './gateway-context.ts';
import { type Problem, ProblemException } from './problem.ts';
import { batchRoutes } from './routes/batches.ts';
import { healthRoutes } from './routes/health.ts';
import { instrumentationRoutes } from './routes/instrumentations.ts';
import { metricRoutes } from './routes/metrics.ts';
import { otlpRoutes } from './routes/otlp.ts';
import { pageRoutes } from './routes/page.ts';
import { queryRoutes } from './routes/query.ts';
import { transformationRoutes } from './routes/transformations.ts';
import { remoteWriteRoutes } from './routes/remote-write.ts';
import { sendProblem } from './send-problem.ts';

export type Gateway = FastifyInstance;

/** Bodies are statements or small JSON: 64 KiB is many times the longest statement. */
const BODY_BYTES_MAX = 64 * 1024;

export async function buildGateway(context: GatewayContext): Promise<Gateway> {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
    routerOptions: { maxParamLength: 200 },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  await app.register(accepts);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tailglow',
        version: context.version,
        description: 'Per-second latency histograms of a running fleet: queries, heatmaps, instrumentations',
      },
    },
  });
  app.addHook('onRequest', doorkeeper(context));
  app.setErrorHandler((error, request, reply) => sendProblem(reply, request, problemOf(error)));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, request, {
      status: 404,
      code: 'NOT_FOUND',
      title: 'Nothing here',
      detail: `Cannot ${request.method} ${JSON.stringify(request.url.split('?')[0])}: no such path; see /openapi.json`,
    }),
  );
  app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  await app.register((scope) => queryRoutes(scope, context));
  await app.register((scope) => transformationRoutes(scope, context));
  await app.register((scope) => instrumentationRoutes(scope, context));
  await app.register((scope) => metricRoutes(scope, context));
  await app.register((scope) => batchRoutes(scope, context));
  const { otlp, remoteWrite } = context;
  if (otlp !== undefined) await app.register((scope) => otlpRoutes(scope, otlp));
  if (remoteWrite !== undefined) await app.register((scope) => remoteWriteRoutes(scope, remoteWrite));
  await app.register((scope) => healthRoutes(scope, context));
  await app.register((scope) => pageRoutes(scope));
  return app;
}

function problemOf(error: unknown): Problem {
  if (error instanceof ProblemException) return error.problem;
  const e = error as { statusCode?: number; code?: string; message?: string; validation?: ValidationFault[] };
  if (e.validation !== undefined) {
    const errors = e.validation.map((fault) => ({
      pointer: fault.instancePath === '' ? '/' : fault.instancePath,
      message: `${fault.instancePath === '' ? 'the request' : fault.instancePath.slice(1)} ${fault.message ?? 'does not fit'}`,
    }));
    const detail = errors.map((v) => v.message).join('\n');
    return { status: 400, code: 'REQUEST_INVALID', title: 'The request does not fit', detail, errors };
  }
  const status = e.statusCode ?? 500;
  if (status < 500) {
    return {
      status,
      code: e.code ?? 'REQUEST_REFUSED',
      title: 'The request is refused',
      detail: e.message ?? '',
    };
  }
  process.stderr.write(`tailglow: request failed: ${error instanceof Error ? error.stack : String(error)}\n`);
  return {
    status: 500,
    code: 'INTERNAL',
    title: 'This is our fault',
    detail: 'The request failed inside the server; its log has the reason',
  };
}

interface ValidationFault {
  readonly instancePath: string;
  readonly message?: string;
}

/** Refuses what a browser sends for a foreign page (cross-site request forgery, DNS rebinding) and, where a
 *  token is set, whatever lacks it. */
function doorkeeper({ token, hostNames }: GatewayContext) {
  const names = new Set(['localhost', ...hostNames.map((n) => n.toLowerCase())]);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const host = request.hostname.toLowerCase();
    if (!names.has(host) && !isAddress(host)) {
      return sendProblem(
        reply,
        request,
        refused(403, 'HOST_FOREIGN', `Host ${JSON.stringify(host)} is not ours`),
      );
    }
    const { origin } = request.headers;
    if (origin !== undefined && originHost(origin) !== request.headers.host) {
      return sendProblem(
        reply,
        request,
        refused(403, 'ORIGIN_FOREIGN', `Origin ${JSON.stringify(origin)} is foreign`),
      );
    }
    const open = request.url === '/livez' || request.url === '/readyz';
    if (token !== undefined && !open && !bears(request, token)) {
      void reply.header('www-authenticate', 'Bearer realm="tailglow"');
      return sendProblem(reply, request, refused(401, 'TOKEN_WRONG', 'A bearer token is needed'));
    }
    return undefined;
  };
}

function refused(status: number, code: string, detail: string): Problem {
  return { status, code, title: 'Refused at the door', detail };
}

function isAddress(host: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) || /^\[?[0-9a-f:.]*:[0-9a-f:.]*\]?$/.test(host);
}

function originHost(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

function bears(request: FastifyRequest, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
