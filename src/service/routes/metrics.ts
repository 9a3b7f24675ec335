/** /api/v1/metrics and /api/v1/sources: the system's description of itself. */
import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { metricsJson, sourcesOf } from '../listing.ts';

export async function metricRoutes(app: FastifyInstance, context: GatewayContext): Promise<void> {
  app.get(
    '/api/v1/metrics',
    { schema: { tags: ['catalogue'], summary: 'What can be measured: modules, metrics, fields, types' } },
    () => metricsJson(context),
  );
  app.get(
    '/api/v1/sources',
    { schema: { tags: ['catalogue'], summary: 'Who reports, with lag, skew and last sequence' } },
    async () => ({ sources: await sourcesOf(context) }),
  );
}
