/** `POST /api/v1/write`: Prometheus' remote write 1.0 and 2.0, protobuf in snappy. 204 where it was read and is safe, whatever of
 *  it cannot be counted: sent again it could not be either, and /metrics counts it by reason. */
import type { FastifyInstance } from 'fastify';
import { WireError } from '../../ingest/foreign/protobuf.ts';
import type { RemoteWriteDriver, Written } from '../../ingest/prometheus/remote-write-driver.ts';
import { SnappyError } from '../../ingest/prometheus/snappy.ts';
import { away, received, refused, takeBytes } from './otlp.ts';

export async function remoteWriteRoutes(app: FastifyInstance, driver: RemoteWriteDriver): Promise<void> {
  takeBytes(app, ['application/x-protobuf']);
  app.post<{ Body: Buffer | undefined }>(
    '/api/v1/write',
    { schema: { tags: ['prometheus'], summary: 'Prometheus remote write, 1.0 and 2.0' } },
    async ({ body, headers }, reply) => {
      if (!driver.isOpen) throw away();
      if (headers['content-encoding'] !== 'snappy')
        throw refused(415, 'ENCODING_UNKNOWN', 'expected content-encoding snappy');
      const version = versionOf(headers['content-type'] ?? '');
      try {
        const write = (): Promise<Written> => driver.takeWrite(body ?? Buffer.alloc(0), version);
        const { samples, histograms } = await received(driver, undefined, write);
        // Without these a sender takes it that nothing of version 2 was understood.
        reply.header('x-prometheus-remote-write-samples-written', samples);
        reply.header('x-prometheus-remote-write-histograms-written', histograms);
        reply.header('x-prometheus-remote-write-exemplars-written', 0);
      } catch (error) {
        if (error instanceof SnappyError || error instanceof WireError)
          throw refused(400, 'BODY_CORRUPT', error.message);
        throw error;
      }
      return reply.code(204).send();
    },
  );
}

/** By the message that the content type names: of version 1 where it names none. */
function versionOf(contentType: string): 1 | 2 {
  const message = /;\s*proto="?([\w.]+)/.exec(contentType)?.[1] ?? 'prometheus.WriteRequest';
  if (message === 'prometheus.WriteRequest') return 1;
  if (message === 'io.prometheus.write.v2.Request') return 2;
  const expected = 'expected prometheus.WriteRequest or io.prometheus.write.v2.Request';
  throw refused(415, 'MESSAGE_UNKNOWN', `it is a ${message}, ${expected}`);
}
