/** `tailglow instrument`, `pause`, `resume` and `drop`: the life of an instrumentation, a command a step. */
import { Command } from 'commander';
import { cleanText, wrapText } from '../../render/text-width.ts';
import { CommandFailure, EXIT, type Target } from '../client.ts';
import { enabledText, estimateText, instrumentationsText } from '../life-text.ts';
import {
  changeInstrumentation,
  dropInstrumentation,
  explained,
  instrumentationNamed,
  type ListedInstrumentation,
  startInstrumentation,
} from '../server-json.ts';
import { terminalColumns } from '../terminal-columns.ts';

/** So long it is waited for sources that are enabling: compiling a probe takes some of it. */
const SETTLED_MS = 5000;
const ASK_MS = 200;

const EXAMPLES = `
Examples:
  tailglow instrument 'http.requests where status >= 500 by route, latency as errors'
  tailglow instrument --explain 'syscall.ops by syscall'     what it would cost, without starting it
  tailglow instrument 'syscall.ops where execname == "postgres" by syscall, latency every 1s keep 2h'
`;

export function instrumentCommand(target: (command: Command) => Target): Command {
  return new Command('instrument')
    .description('start measuring; tells what each source says of it')
    .argument('<statement>', 'METRIC [where ...] [by ...] [every 1s] [keep 24h] [idle 1h] [as NAME]')
    .option('--explain', 'tell what it would do and cost, and start nothing')
    .addHelpText('after', EXAMPLES)
    .action(async (text: string, flags: { explain?: boolean }, self: Command) =>
      flags.explain === true ? explain(target(self), text) : instrument(target(self), text),
    );
}

async function explain(target: Target, text: string): Promise<void> {
  for (const [what, answer] of await explained(target, statementOf(text)))
    process.stdout.write(`${wrapText(`${what}: ${cleanText(answer)}`, terminalColumns())}\n`);
}

function statementOf(text: string): string {
  return /^\s*instrument\b/i.test(text) ? text : `instrument ${text}`;
}

/** What no source can measure is said with the reason of each, and ends the command as refused. */
export async function instrument(target: Target, text: string): Promise<void> {
  const statement = statementOf(text);
  const started = await startInstrumentation(target, statement);
  const made = await settled(target, started);
  print([made]);
  const told = [enabledText(made), estimateText(started.estimates ?? [])].filter((text) => text !== '');
  if (told.length > 0) process.stdout.write(`\n${told.join('\n')}\n`);
  if (made.state === 'failed') {
    throw new CommandFailure(
      EXIT.refused,
      `\nNothing measures it. Be rid of it:  ${target.command} drop ${made.id}`,
    );
  }
  const read = made.statement.replace(/^instrument /, '').replace(/ every \S+ keep .*$/, '');
  process.stdout.write(
    `\nLook at it:  ${target.command} query '${read.replaceAll("'", `'\\''`)} last 5m' --watch\n`,
  );
}

/** Pausing and resuming tell what the sources say; dropping says nothing, as `rm` does. */
export function lifeCommands(target: (command: Command) => Target): readonly Command[] {
  const change = (name: 'pause' | 'resume', description: string): Command =>
    new Command(name)
      .description(description)
      .argument('<name...>')
      .action(async (names: readonly string[], _flags: unknown, self: Command) => {
        const changed: ListedInstrumentation[] = [];
        for (const each of names) {
          const one = await changeInstrumentation(target(self), each, { paused: name === 'pause' });
          changed.push(await settled(target(self), one));
        }
        print(changed);
      });
  return [
    change('pause', 'measure no more for a while; its history stays'),
    change('resume', 'measure again'),
    new Command('drop')
      .description('stop measuring, and forget what was measured')
      .argument('<name...>')
      .action(async (names: readonly string[], _flags: unknown, self: Command) => {
        for (const each of names) await dropInstrumentation(target(self), each);
      }),
  ];
}

/** As it is once no source is enabling any more, or SETTLED_MS are over. */
async function settled(target: Target, made: ListedInstrumentation): Promise<ListedInstrumentation> {
  let now = made;
  for (const endMs = Date.now() + SETTLED_MS; Date.now() < endMs;) {
    if (now.state !== 'enabling' && now.state !== 'created') return now;
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    now = await instrumentationNamed(target, made.id);
    if (now.state === 'created' && Date.now() > endMs - SETTLED_MS + 1000) return now;
  }
  return now;
}

function print(all: readonly ListedInstrumentation[]): void {
  const page = { nowSecond: Math.floor(Date.now() / 1000), columns: terminalColumns() };
  process.stdout.write(instrumentationsText(all, page));
}
