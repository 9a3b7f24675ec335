/** `tailglow/node`: lets any Node program be measured, with `node --import tailglow/node app.js` or by
 *  NODE_OPTIONS. Reads the environment once and attaches; what is measured is asked for over the socket, and
 *  nothing is while nobody asks. A worker thread attaches like a program, under the name of the main one.
 *  TAILGLOW_SOCKET: where the instrumenter listens; by default the same user's one on this machine.
 *  TAILGLOW_FLIGHT: what the flight recorder keeps (flight-settings.ts).
 *  TAILGLOW_APP: the name of the application; by default that of the package or script. */
import { basename, dirname, extname } from 'node:path';
import { getEnvironmentData, isMainThread, setEnvironmentData, threadId } from 'node:worker_threads';
import { boundedValue } from '../../model/key.ts';
import { Attachment } from './attachment.ts';
import { flightSettings } from './flight-settings.ts';
import { defaultSocketPath } from './socket-path.ts';
import { APP_CHARS_MAX } from './wire.ts';

/** Where worker threads find the application's name. */
const APP = 'tailglow.app';
/** Set once a thread: a program may be told of us twice, by its command line and by NODE_OPTIONS. */
const LOADED = Symbol.for('tailglow.node');

function attach(): void {
  const { TAILGLOW_SOCKET: socket, TAILGLOW_APP: app, npm_package_name: packageName } = process.env;
  const { TAILGLOW_FLIGHT: flight } = process.env;
  const inherited = isMainThread ? undefined : getEnvironmentData(APP);
  const name =
    typeof inherited === 'string' ? inherited : applicationName(app ?? packageName, process.argv[1]);
  if (isMainThread) setEnvironmentData(APP, name);
  const attachment = new Attachment({
    socketPath: socket !== undefined && socket !== '' ? socket : defaultSocketPath(),
    checkOwner: socket === undefined || socket === '',
    app: name,
    pid: process.pid,
    thread: isMainThread ? 0 : threadId,
    random: Math.random,
    flight: flightSettings(flight),
  });
  process.on('exit', () => {
    try {
      attachment.end();
    } catch {
      // The program ends as it would have without us.
    }
  });
  attachment.start();
}

/** A script named for its role says less than the folder it lies in. */
function applicationName(named: string | undefined, script: string | undefined): string {
  const file = script === undefined ? '' : basename(script, extname(script));
  const fallback = /^(index|main|server|app|start)$/.test(file) ? basename(dirname(script!)) : file;
  const name = [named, fallback, 'node'].find((text) => text !== undefined && text !== '')!;
  // By way of bytes, so that half a character cut off is one that both sides write alike.
  return Buffer.from(boundedValue(name).slice(0, APP_CHARS_MAX)).toString('utf8');
}

const marks = globalThis as { [LOADED]?: boolean };
if (marks[LOADED] !== true) {
  marks[LOADED] = true;
  try {
    attach();
  } catch {
    // A program that cannot be measured runs as it would have without us.
  }
}
