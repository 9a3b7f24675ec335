/** The program under measurement: an HTTP server that answers at once and knows nothing of who measures it. Tells its
 *  parent, when asked, the CPU time that it has used. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((request, response) => {
  response.statusCode = request.url === '/missing' ? 404 : 200;
  response.setHeader('content-type', 'text/plain');
  response.end('hello');
});
process.on('message', (message) => {
  if (message !== 'cpu') return;
  const { user, system } = process.cpuUsage();
  process.send!({ cpuUs: user + system });
});
process.on('disconnect', () => process.exit(0));
server.keepAliveTimeout = 0; // it is left alone while others take their turn
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }));
