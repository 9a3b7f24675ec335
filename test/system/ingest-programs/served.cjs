/** A CommonJS program that knows nothing of us: an HTTP server with its own client, which counts what it serves by
 *  second and route. It makes requests only well inside a second, so that two clocks of a millisecond's resolution
 *  agree on which second that was. Takes commands as messages. */
const { channel } = require('node:diagnostics_channel');
const http = require('node:http');

const served = {};
let going = false;
const server = http.createServer((request, response) => {
  response.on('finish', () => {
    const key = `${Math.floor(Date.now() / 1000)} ${request.url.replace(/\d+/, ':id')}`;
    served[key] = (served[key] ?? 0) + 1;
  });
  response.end('x');
});

const request = (path) =>
  new Promise((resolve, reject) => {
    http
      .get({ port: server.address().port, host: '127.0.0.1', path, agent: false }, (response) => {
        response.resume();
        response.on('end', resolve);
      })
      .on('error', reject);
  });

async function go() {
  going = true;
  for (let i = 0; going; i++) {
    const ms = Date.now() % 1000;
    if (ms < 40 || ms > 900) await new Promise((resolve) => setTimeout(resolve, 20));
    else await Promise.all([request(`/items/${i}`), request('/list')]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const commands = {
  go: () => void go(),
  /** Resolves when what was begun is served. */
  rest: () => {
    going = false;
    return new Promise((resolve) => setTimeout(resolve, 200));
  },
  served: () => served,
  watched: () => channel('http.server.response.finish').hasSubscribers,
  end: () => {
    server.close();
    server.closeAllConnections();
    setImmediate(() => process.disconnect());
  },
  /** Serves `count` requests and ends in the middle of a second. */
  endAfter: async (count) => {
    for (let i = 0; i < count; i++) await request('/last');
    process.send({ done: served }, () => process.exit(0));
    await new Promise(() => {});
  },
};
async function obey([command, argument]) {
  process.send({ done: (await commands[command](argument)) ?? null });
}
process.on('message', (message) => void obey(message));
server.listen(0, '127.0.0.1', () => process.send({ ready: true }));
