/** OTLP over HTTP: `POST /v1/traces` and `POST /v1/metrics`, protobuf or JSON, plain or gzip. Answers as the protocol
 *  says, in the request's encoding: partial success for what cannot be counted, a Status for what cannot be read, 429
 *  or 503 with Retry-After where it should be sent again. Owns: the bounds on bodies. Does not: decode. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { protoField, WireError } from '../../ingest/foreign/protobuf.ts';
import { NotSafeError } from '../../ingest/foreign/confirming.ts';
import type { ReceivedDriver, Taken } from '../../ingest/foreign/received-driver.ts';
import { OtlpJsonError } from '../../ingest/otlp/json.ts';
import type { OtlpDriver, OtlpEncoding } from '../../ingest/otlp/otlp-driver.ts';
import { ProblemException } from '../problem.ts';

/** Of a body, after gzip: an SDK's batch is 512 spans, a collector's 8192, of some hundred bytes. */
export const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of bodies, as they came, that are read at a time. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;

const PROTOBUF = 'application/x-protobuf';
const JSON_TYPE = 'application/json';
const inflate = promisify(gunzip);

export async function otlpRoutes(app: FastifyInstance, otlp: OtlpDriver): Promise<void> {
  takeBytes(app, [PROTOBUF, JSON_TYPE]);
  app.setErrorHandler((error, request, reply) => sendStatus(reply, request, error));
  const route = (
    path: string,
    summary: string,
    take: (body: Uint8Array, encoding: OtlpEncoding, isRepeat: boolean) => Promise<Taken>,
  ) =>
    app.post<{ Body: Buffer | undefined }>(
      path,
      { schema: { tags: ['otlp'], summary } },
      async (request, reply) => {
        if (!otlp.isOpen) throw away();
        const encoding = encodingOf(request);
        const body = await plainBody(request);
        const sent = request.body ?? Buffer.alloc(0);
        const count = (isRepeat: boolean): Promise<Taken> => take(body, encoding, isRepeat);
        return answer(reply, encoding, await received(otlp, sent, count));
      },
    );
  route('/v1/traces', 'OTLP: count spans', (...of) => otlp.takeSpans(...of));
  route('/v1/metrics', 'OTLP: count what is new in metrics', (...of) => otlp.takeMetrics(...of));
}

/** ReceivedDriver.receive. Throws ProblemException where it is not safe in time. */
export async function received<T>(
  driver: ReceivedDriver,
  body: Uint8Array | undefined,
  count: (isRepeat: boolean) => Promise<T>,
): Promise<T> {
  try {
    return await driver.receive(body, count);
  } catch (error) {
    if (error instanceof NotSafeError) throw notSafe(error);
    throw error;
  }
}

/** Bodies of these types come as bytes, as long as not too many are being read. */
export function takeBytes(app: FastifyInstance, types: readonly string[]): void {
  let pending = 0;
  app.removeContentTypeParser(JSON_TYPE);
  app.addHook('onRequest', async (request, reply) => {
    const length = Number(request.headers['content-length'] ?? BODY_BYTES_MAX);
    if (pending + length > PENDING_BYTES_MAX) throw busy();
    pending += length;
    let isOver = false;
    reply.raw.once('close', () => {
      if (!isOver) pending -= length;
      isOver = true;
    });
  });
  app.addContentTypeParser(
    [...types],
    { parseAs: 'buffer', bodyLimit: BODY_BYTES_MAX },
    (_request, body, done) => done(null, body),
  );
}

/** The body without its gzip. Throws ProblemException where it is none, too large, or of another encoding. */
export async function plainBody(request: FastifyRequest<{ Body: Buffer | undefined }>): Promise<Uint8Array> {
  const body = request.body ?? Buffer.alloc(0);
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return body;
  if (encoding !== 'gzip') {
    throw refused(
      415,
      'ENCODING_UNKNOWN',
      `content-encoding is ${JSON.stringify(encoding)}, expected gzip or none`,
    );
  }
  try {
    return await inflate(body, { maxOutputLength: BODY_BYTES_MAX });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw refused(413, 'BODY_TOO_LARGE', `the body is more than ${BODY_BYTES_MAX} bytes without its gzip`);
    throw refused(400, 'BODY_CORRUPT', 'the body is no gzip');
  }
}

function encodingOf({ headers }: FastifyRequest): OtlpEncoding {
  return headers['content-type']?.startsWith(JSON_TYPE) === true ? 'json' : 'protobuf';
}

/** ExportTraceServiceResponse and ExportMetricsServiceResponse: the same bytes and names but for one. */
function answer(reply: FastifyReply, encoding: OtlpEncoding, { rejected, reason }: Taken): FastifyReply {
  const isWhole = rejected === 0;
  if (encoding === 'json') {
    const what = reply.request.url.startsWith('/v1/traces') ? 'rejectedSpans' : 'rejectedDataPoints';
    const partialSuccess = { [what]: String(rejected), errorMessage: reason };
    return reply.type(JSON_TYPE).send(JSON.stringify(isWhole ? {} : { partialSuccess }));
  }
  const partial = Buffer.concat([protoField(1, rejected), protoField(2, reason)]);
  return reply.type(PROTOBUF).send(isWhole ? Buffer.alloc(0) : protoField(1, partial));
}

/** google.rpc.Status; codes as gRPC has them. */
function sendStatus(reply: FastifyReply, request: FastifyRequest, error: unknown): FastifyReply {
  const { status, message, retryAfterSeconds } = faultOf(error);
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
  const code = status === 429 ? 8 : status === 503 ? 14 : status < 500 ? 3 : 13;
  void reply.code(status);
  if (encodingOf(request) === 'json') return reply.type(JSON_TYPE).send(JSON.stringify({ code, message }));
  return reply.type(PROTOBUF).send(Buffer.concat([protoField(1, code), protoField(2, message)]));
}

interface Fault {
  readonly status: number;
  readonly message: string;
  readonly retryAfterSeconds?: number | undefined;
}

function faultOf(error: unknown): Fault {
  if (error instanceof ProblemException) {
    const { status, detail, retryAfterSeconds } = error.problem;
    return { status, message: detail, retryAfterSeconds };
  }
  if (error instanceof WireError || error instanceof OtlpJsonError)
    return { status: 400, message: error.message };
  const { statusCode = 500, message = '' } = error as { statusCode?: number; message?: string };
  if (statusCode < 500) return { status: statusCode, message };
  process.stderr.write(`tailglow: request failed: ${error instanceof Error ? error.stack : String(error)}\n`);
  return { status: 500, message: 'The request failed inside the server; its log has the reason' };
}

export function refused(status: number, code: string, what: string): ProblemException {
  return new ProblemException({
    status,
    code,
    title: 'The body is refused',
    detail: `Cannot read what was sent: ${what}`,
  });
}

export function away(): ProblemException {
  return new ProblemException({
    status: 503,
    code: 'CLOSING',
    title: 'Nothing is measured now',
    detail: 'Cannot take what was sent: the instrumenter is not running; send it again',
    retryAfterSeconds: 1,
  });
}

function notSafe({ code, message }: NotSafeError): ProblemException {
  const title = 'What was sent is not safe yet';
  return new ProblemException({ status: 503, code, title, detail: message, retryAfterSeconds: 1 });
}

function busy(): ProblemException {
  return new ProblemException({
    status: 429,
    code: 'TOO_MANY_WAITING',
    title: 'Too much is being read',
    detail: `Cannot take what was sent: ${PENDING_BYTES_MAX} bytes are being read; send it again`,
    retryAfterSeconds: 1,
  });
}
