/** /livez, /readyz, /metrics, /openapi.json. */
import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { sendProblem } from '../send-problem.ts';
import { selfMetrics } from '../self-metrics.ts';

export async function healthRoutes(app: FastifyInstance, context: GatewayContext): Promise<void> {
  const tags = ['health'];
  app.get('/livez', { schema: { tags, summary: 'The event loop answers' } }, () => ({ status: 'ok' }));
  app.get(
    '/readyz',
    { schema: { tags, summary: 'Everything works, or what does not' } },
    (request, reply) => {
      const checks = context.checks();
      const failing = checks.filter((c) => !c.ok);
      if (failing.length === 0) return reply.send({ status: 'ok', checks });
      return sendProblem(reply, request, {
        status: 503,
        code: 'NOT_READY',
        title: 'Not ready',
        detail: failing.map((c) => `${c.name}: ${c.detail}`).join('; '),
        errors: failing.map((c) => ({ pointer: `/${c.name}`, message: c.detail })),
      });
    },
  );
  const metrics = selfMetrics(context);
  app.get(
    '/metrics',
    { schema: { tags, summary: 'Self-metrics, Prometheus text format' } },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  );
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
}
