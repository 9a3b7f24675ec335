/** A target as Prometheus scrapes it: what a registry of prom-client holds, over HTTP on loopback. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface Exporter {
  readonly port: number;
  close(): void;
}

export async function exporterOf(registry: Registry): Promise<Exporter> {
  const server: Server = createServer((_, response) => {
    void registry.metrics().then((text) => {
      response.setHeader('content-type', registry.contentType);
      response.end(text);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
