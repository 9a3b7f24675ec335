/** `tailglow instrumentations`: what is measured now, by whom, why not where not, and what cannot be measured here.
 *  `create`, `keep` and `drop` are kept as its subcommands. */
import { Command } from 'commander';
import { durationSeconds } from '../../query/unit.ts';
import { CommandFailure, EXIT, type Target } from '../client.ts';
import { instrumentationsText, unavailableText } from '../life-text.ts';
import {
  changeInstrumentation,
  dropInstrumentation,
  listedInstrumentations,
  listedMetrics,
  type ListedInstrumentation,
} from '../server-json.ts';
import { terminalColumns } from '../terminal-columns.ts';
import { instrument } from './instrument.ts';

const EXAMPLES = `
Examples:
  tailglow instrumentations                 all that live, with their state at each source; and what
                                            cannot be measured here, why, and what would make it so
  tailglow instrumentations keep errors 7d
See also: tailglow instrument, pause, resume, drop, metrics
`;

export function instrumentationsCommand(target: (command: Command) => Target): Command {
  const command = new Command('instrumentations')
    .alias('i')
    .description('list what is measured, and what cannot be')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: { json?: boolean }, self: Command) => list(target(self), flags.json === true));
  command
    .command('create')
    .description('as `tailglow instrument`')
    .argument('<statement>')
    .action(async (statement: string, _flags: unknown, self: Command) => instrument(target(self), statement));
  command
    .command('drop')
    .description('as `tailglow drop`')
    .argument('<name>')
    .action(async (name: string, _flags: unknown, self: Command) => dropInstrumentation(target(self), name));
  command
    .command('keep')
    .description('change how long data are kept')
    .argument('<name>')
    .argument('<duration>', 'such as 90s, 12h, 7d, 4w')
    .action(async (name: string, duration: string, _flags: unknown, self: Command) => {
      printInstrumentations([
        await changeInstrumentation(target(self), name, { keepSeconds: seconds(duration) }),
      ]);
    });
  return command;
}

async function list(target: Target, json: boolean): Promise<void> {
  const [instrumentations, metrics] = await Promise.all([
    listedInstrumentations(target),
    listedMetrics(target),
  ]);
  if (json) {
    const unavailable = metrics.filter(({ available }) => available === false);
    process.stdout.write(`${JSON.stringify({ instrumentations, unavailable })}\n`);
    return;
  }
  printInstrumentations(instrumentations);
  const missing = unavailableText(metrics, terminalColumns());
  if (missing !== '') process.stdout.write(`\n${missing}`);
}

function printInstrumentations(all: readonly ListedInstrumentation[]): void {
  const page = { nowSecond: Math.floor(Date.now() / 1000), columns: terminalColumns() };
  process.stdout.write(instrumentationsText(all, page));
}

function seconds(text: string): number {
  const match = /^(\d+)([a-z]+)$/.exec(text);
  const value = match === null ? undefined : durationSeconds(Number(match[1]), match[2]!);
  if (value !== undefined && Number.isInteger(value)) return value;
  throw new CommandFailure(
    EXIT.usage,
    `Cannot read duration "${text}": expected whole seconds such as 90s, 12h, 7d or 4w`,
  );
}
