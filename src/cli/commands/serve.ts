/** `tailglow serve`: all roles in one process; with --demo, a small shop beside it to look at. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import closeWithGrace from 'close-with-grace';
import { Command, Option } from 'commander';
import type { ScrapeTarget } from '../../ingest/prometheus/target.ts';
import { systemClock } from '../../model/clock.ts';
import type { SourceLimits } from '../../model/source-limits.ts';
import { packageVersion } from '../../service/package.ts';
import { commandName } from '../client.ts';
import type { Settings } from '../settings.ts';

const PRELOAD = 'dist/src/ingest/node/preload.js';

/** What the demo measures; the shop's metrics first, then the host's. */
const DEMO_INSTRUMENTATIONS = [
  'instrument http.requests by route, method, status, latency keep 24h idle never as requests',
  'instrument node.loop by app, latency keep 24h idle never as event-loop',
  'instrument node.gc by app, kind, latency keep 24h idle never as gc',
  'instrument cpu.time by mode keep 24h idle never as cpu',
  'instrument disk.bytes by disk, op keep 24h idle never as disk',
  'instrument nic.bytes by nic, direction keep 24h idle never as network',
  'instrument memory.bytes by kind keep 24h idle never as memory',
];

const EXAMPLES = `
Settings come from flags, then TAILGLOW_* variables (TAILGLOW_PORT, TAILGLOW_DATA ...), then --config FILE (JSON).
The token is read from TAILGLOW_TOKEN or the file only, so that it does not show in the process list.

Examples:
  tailglow serve --demo                      a live heatmap of a real program, nothing to set up
  tailglow serve --data /var/lib/tailglow    measure what attaches:  node --import tailglow/node app.js
  tailglow serve --log amqp://user:secret@broker/vhost
`;

interface ServeFlags {
  readonly config?: string;
  readonly listen?: string;
  readonly port?: string;
  readonly data?: string;
  readonly dataMax?: string;
  readonly log?: string;
  readonly kernel?: string;
  readonly aggregators?: string;
  readonly host?: string;
  readonly socket?: string;
  readonly budget?: string;
  readonly only?: string;
  readonly scrape?: readonly string[];
  readonly statsd?: string | true;
  readonly insecure?: boolean;
  readonly demo?: boolean;
}

export function serveCommand(root: string): Command {
  return new Command('serve')
    .description('run the server: log, store, instrumenters, queries and the console page')
    .option('--demo', 'also run a small web shop under load, and measure it')
    .option('--port <n>', 'TCP port (8124; 0 takes a free one)')
    .option('--listen <address>', 'address to listen on (127.0.0.1)')
    .option('--data <dir>', 'where log, store and spool live (~/.local/state/tailglow/...)')
    .option('--data-max <size>', 'what the data directory may take, such as 20GiB (80 % of its file system)')
    .option('--log <log>', '"file", or amqp://user:secret@host/vhost for a RabbitMQ stream')
    .addOption(
      new Option('--kernel <kernel>', 'hot loops: the add-on, or plain TypeScript').choices([
        'native',
        'reference',
      ]),
    )
    .option('--aggregators <n>', 'worker threads that own data; fixed when the data directory is made')
    .option('--host <name>', 'name of this host in the data')
    .option('--socket <path>', 'unix socket that measured Node programs report to')
    .option(
      '--budget <share>',
      'what measuring may cost each source, of one core (20%); "never" refuses nothing',
    )
    .option(
      '--only <limits>',
      'what is measured here at most: cgroup=/PATH, uid=N, container=ID, with commas',
    )
    .option('--scrape <target...>', 'Prometheus targets: NAME=URL, or NAME=URL,every=15s')
    .option('--statsd [address]', 'take StatsD and DogStatsD over UDP (127.0.0.1:8125)')
    .option('--insecure', 'listen beyond loopback without a token')
    .option('--config <file>', 'settings as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: ServeFlags) => {
      const { config, ...rest } = flags;
      const numbers = {
        ...(rest.port === undefined ? {} : { port: Number(rest.port) }),
        ...(rest.aggregators === undefined ? {} : { aggregators: Number(rest.aggregators) }),
        ...(rest.statsd === true ? { statsd: ':8125' } : {}),
      };
      // Loaded here, so that the commands that only ask a server start at once.
      const { cpuShareMax, dataMaxBytes, readSettings, scrapeTargets, sourceLimits } =
        await import('../settings.ts');
      const settings = readSettings({
        ...(config === undefined ? {} : { file: config }),
        environment: process.env,
        flags: { ...rest, ...numbers },
      });
      await serve(root, settings, {
        maxBytes: dataMaxBytes(settings),
        limits: sourceLimits(settings),
        share: cpuShareMax(settings),
        scrape: scrapeTargets(settings),
      });
    });
}

interface Bounds {
  readonly maxBytes: number | undefined;
  readonly limits: SourceLimits | undefined;
  /** Of one core. */
  readonly share: number | undefined;
}

interface Asked extends Bounds {
  readonly scrape: readonly ScrapeTarget[];
}

async function serve(
  root: string,
  settings: Settings,
  { maxBytes, limits, share, scrape }: Asked,
): Promise<void> {
  const notice = (line: string): void => void process.stderr.write(`tailglow: ${line}\n`);
  process.stdout.write(`tailglow ${packageVersion(root)} starting, data in ${settings.data}\n`);
  const { startEmbedded } = await import('../../service/embedded.ts');
  const embedded = await startEmbedded({
    ...settings,
    dataMaxBytes: maxBytes,
    limits,
    scrape,
    ...(share === undefined ? {} : { cpuShareMax: share }),
    instrument: [...settings.instrument, ...(settings.demo ? DEMO_INSTRUMENTATIONS : [])],
    version: packageVersion(root),
    clock: systemClock,
    notice,
  });
  const demo = settings.demo ? startDemo(root, settings, embedded.socketPath, notice) : undefined;
  process.stdout.write(`tailglow is at ${embedded.url}\n`);
  process.stdout.write(hint(root, settings, embedded));
  closeWithGrace({ delay: 10_000, logger: false }, async ({ err }) => {
    if (err !== undefined) notice(err.stack ?? err.message);
    demo?.stop();
    await embedded.close();
  });
}

function hint(
  root: string,
  settings: Settings,
  { url, socketPath }: { url: string; socketPath: string },
): string {
  if (settings.demo) {
    const where = url === 'http://127.0.0.1:8124' ? '' : `--url ${url} `;
    return `Open it in a browser, or:  ${commandName()} ${where}query 'http.requests by route, latency last 5m' --watch\n`;
  }
  const preload = join(root, PRELOAD);
  return `Measure a Node program:  TAILGLOW_SOCKET=${socketPath} node --import ${preload} app.js\n`;
}

/** The shop: a program that knows nothing of us, measured by the preload as any other would be. */
function startDemo(
  root: string,
  settings: Settings,
  socketPath: string,
  notice: (line: string) => void,
): { stop(): void } {
  let child: ChildProcess;
  let stopped = false;
  let starts = 0;
  const start = (): void => {
    starts++;
    child = spawn(
      process.execPath,
      [
        '--import',
        join(root, PRELOAD),
        join(root, 'dist/demo/main.js'),
        '--data',
        join(settings.data, 'shop'),
      ],
      { env: { ...process.env, TAILGLOW_SOCKET: socketPath }, stdio: ['pipe', 'ignore', 'inherit', 'ipc'] },
    );
    child.on('message', (message) => {
      const port = (message as { listening?: unknown }).listening;
      if (typeof port === 'number') process.stdout.write(`the demo shop is at http://127.0.0.1:${port}\n`);
    });
    child.on('error', (error) => notice(`demo shop: ${error.message}`));
    child.on('exit', (code, signal) => {
      if (stopped) return;
      notice(
        `demo shop ended (${signal ?? `exit code ${code}`}), ${starts < 5 ? 'starting it again' : 'leaving it'}`,
      );
      if (starts < 5) setTimeout(start, 1000).unref();
    });
  };
  start();
  return {
    stop: () => {
      stopped = true;
      child.kill('SIGTERM');
    },
  };
}
