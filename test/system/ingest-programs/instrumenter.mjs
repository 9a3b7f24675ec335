/** An instrumenter as a process of its own: the node driver over a log that is one file of lines, which a SIGKILL
 *  leaves as it is. Arguments: spool, socket, log file. Takes commands as messages and answers each with a message. */
import { appendFileSync } from 'node:fs';
import { startInstrumenter } from '../../../dist/src/ingest/instrumenter.js';
import { systemClock } from '../../../dist/src/model/clock.js';

const [spoolDirectory, socketPath, logFile] = process.argv.slice(2);
const write = (kind, text) => appendFileSync(logFile, `${kind} ${text}\n`);
const log = {
  confirmsDurably: true,
  append: async (payload) => write('entry', Buffer.from(payload).toString('hex')),
  trim: async () => {},
  close: async () => {},
};
const instrumenter = await startInstrumenter({
  host: 'here',
  log,
  spoolDirectory,
  socketPath,
  clock: systemClock,
  random: Math.random,
  drivers: ['node'],
  onEvent: (event) => write('event', JSON.stringify(event)),
  note: (line) => write('note', line),
});

const commands = {
  enable: (instrumentation) => instrumenter.enable(instrumentation),
  disable: (id) => instrumenter.disable(id),
  states: (id) => instrumenter.states(id),
  sources: () => instrumenter.sources(),
  close: () => instrumenter.close(),
};
async function obey([command, argument]) {
  process.send({ done: (await commands[command](argument)) ?? null });
  if (command === 'close') process.disconnect();
}
process.on('message', (message) => void obey(message));
process.send({ ready: true });
