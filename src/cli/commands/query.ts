/** `tailglow query`: one statement, its answer. */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import {
  IMAGE_PROTOCOLS,
  type ImageProtocol,
  imageProtocolOf,
  terminalImage,
} from '../../render/terminal-image.ts';
import { CommandFailure, EXIT, request, type Target } from '../client.ts';

interface QueryFlags {
  readonly format?: 'json' | 'jsonl' | 'csv' | 'png' | 'text';
  readonly output?: string;
  readonly width?: string;
  readonly height?: string;
  readonly scale?: string;
  readonly theme?: string;
  readonly wait?: string;
  readonly watch?: boolean;
  readonly image?: ImageProtocol | 'auto';
}

const EXAMPLES = `
Examples:
  tailglow query 'http.requests by route, latency last 5m'            a heatmap in the terminal
  tailglow query 'http.requests by route, latency last 5m' --watch    the same, live
  tailglow query 'http.requests by latency last 1h | percentiles 50, 99'
  tailglow query 'http.requests by route, latency last 5m' --format png -o tail.png
  tailglow query 'instrument http.requests where status >= 500 by host, latency as errors'
  tailglow query 'http.requests by route, latency last 5m' --image auto   a real picture, where the terminal shows one
  tailglow query 'show metrics'

On a terminal the answer is a heatmap or a table; into a pipe it is JSON lines.
`;

export function queryCommand(target: (command: Command) => Target): Command {
  return new Command('query')
    .description('run one statement and print its answer')
    .argument('<statement>', 'a statement of the query language; quote it')
    .addOption(
      new Option('--format <format>', 'how to answer').choices(['json', 'jsonl', 'csv', 'png', 'text']),
    )
    .option('-o, --output <file>', 'write the answer to a file')
    .option('--width <pixels>', 'PNG: width of the plot')
    .option('--height <pixels>', 'PNG: height of the plot')
    .addOption(new Option('--scale <n>', 'PNG: pixels per CSS pixel').choices(['1', '2']))
    .addOption(new Option('--theme <theme>', 'PNG and terminal').choices(['dark', 'light']))
    .option('--wait <seconds>', 'wait up to 5 s for the newest second to be complete')
    .option('-w, --watch', 'terminal: draw again every second, until Ctrl-C')
    .addOption(
      new Option('--image <protocol>', 'terminal: show the PNG itself').choices([...IMAGE_PROTOCOLS, 'auto']),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (statement: string, flags: QueryFlags, command: Command) => {
      if (flags.watch === true) return watch(target(command), statement, flags);
      return once(target(command), statement, flags);
    });
}

async function once(target: Target, statement: string, flags: QueryFlags): Promise<void> {
  if (flags.image !== undefined) return image(target, statement, flags, flags.image);
  const toTerminal = process.stdout.isTTY && flags.output === undefined;
  const format = flags.format ?? formatOfFile(flags.output) ?? (toTerminal ? 'text' : 'jsonl');
  if (format === 'png' && toTerminal) {
    throw new CommandFailure(
      EXIT.usage,
      'A PNG is no text for a terminal: name a file with -o, or use a pipe',
    );
  }
  const body = await ask(target, statement, { ...flags, format });
  if (flags.output === undefined) process.stdout.write(body);
  else writeFileSync(flags.output, body);
}

/** As a PNG between the escapes of a protocol; where the terminal knows none, `auto` falls back to text. */
async function image(
  target: Target,
  statement: string,
  flags: QueryFlags,
  wanted: ImageProtocol | 'auto',
): Promise<void> {
  const protocol = wanted === 'auto' ? imageProtocolOf(process.env) : wanted;
  if (protocol === undefined)
    return void process.stdout.write(await ask(target, statement, { ...flags, format: 'text' }));
  const png = await ask(target, statement, { ...flags, format: 'png' });
  process.stdout.write(terminalImage(png, protocol));
}

async function ask(target: Target, statement: string, flags: QueryFlags): Promise<Buffer> {
  const parameters = new URLSearchParams();
  for (const name of ['format', 'width', 'height', 'scale', 'theme', 'wait'] as const) {
    const value = flags[name];
    if (value !== undefined) parameters.set(name, value);
  }
  if (flags.format === 'text') {
    parameters.set('columns', String(clamp(process.stdout.columns ?? 100, 20, 1000)));
    parameters.set('rows', String(clamp((process.stdout.rows ?? 36) - 2, 4, 400)));
    parameters.set('depth', colourDepth());
  }
  const response = await request(target, `/api/v1/query?${parameters.toString()}`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: statement,
    text: statement,
  });
  return Buffer.from(await response.arrayBuffer());
}

/** Redraws in place: synchronised update, cursor home, each line cleared to its end, the rest of the screen
 *  cleared. Leaves the alternate screen on the way out. */
async function watch(target: Target, statement: string, flags: QueryFlags): Promise<void> {
  if (!process.stdout.isTTY) throw new CommandFailure(EXIT.usage, '--watch needs a terminal');
  const leave = (): void => {
    process.stdout.write('\u001b[?25h\u001b[?1049l');
  };
  process.once('SIGINT', () => {
    leave();
    process.exit(130);
  });
  process.stdout.write('\u001b[?1049h\u001b[?25l');
  try {
    for (;;) {
      const frame = (await ask(target, statement, { ...flags, format: 'text', wait: '1' })).toString('utf8');
      const lines = frame.trimEnd().split('\n').join('\u001b[K\n');
      process.stdout.write(`\u001b[?2026h\u001b[H${lines}\u001b[K\u001b[J\u001b[?2026l`);
      await new Promise((resolve) => setTimeout(resolve, 1000 - (Date.now() % 1000) + 60));
    }
  } finally {
    leave();
  }
}

function formatOfFile(file: string | undefined): QueryFlags['format'] {
  const ending = file?.split('.').at(-1);
  return ending === 'png' || ending === 'csv' || ending === 'json' || ending === 'jsonl' ? ending : undefined;
}

function clamp(n: number, low: number, high: number): number {
  return Math.min(Math.max(n, low), high);
}

function colourDepth(): 'truecolor' | '256' | 'ascii' {
  if (process.env['NO_COLOR'] !== undefined && process.env['NO_COLOR'] !== '') return 'ascii';
  const bits = process.stdout.getColorDepth?.() ?? 1;
  return bits >= 24 ? 'truecolor' : bits >= 8 ? '256' : 'ascii';
}
