/** `POST /api/v1/write`: Prometheus' remote write 1.0, protobuf in snappy. 204 where it was read, whatever of it cannot
 *  be counted: sent again it could not be either, and /metrics counts it by reason. */
import type { FastifyInstance } from 'fastify';
import { WireError } from '../../ingest/foreign/protobuf.ts';
import type { RemoteWriteDriver } from '../../ingest/prometheus/remote-write-driver.ts';
import { SnappyError } from '../../ingest/prometheus/snappy.ts';
import { away, refused, takeBytes } from './otlp.ts';

export async function remoteWriteRoutes(app: FastifyInstance, driver: RemoteWriteDriver): Promise<void> {
  takeBytes(app, ['application/x-protobuf']);
  app.post<{ Body: Buffer | undefined }>(
    '/api/v1/write',
    { schema: { tags: ['prometheus'], summary: 'Prometheus remote write 1.0' } },
    async ({ body, headers }, reply) => {
      if (!driver.isOpen) throw away();
      if (headers['content-encoding'] !== 'snappy')
        throw refused(415, 'ENCODING_UNKNOWN', 'expected content-encoding snappy');
      if (/io\.prometheus\.write\.v2/.test(headers['content-type'] ?? ''))
        throw refused(415, 'VERSION_UNKNOWN', 'it is remote write 2.0, expected 1.0');
      try {
        await driver.takeWrite(body ?? Buffer.alloc(0));
      } catch (error) {
        if (error instanceof SnappyError || error instanceof WireError)
          throw refused(400, 'BODY_CORRUPT', error.message);
        throw error;
      }
      return reply.code(204).send();
    },
  );
}
