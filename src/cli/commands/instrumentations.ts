/** `tailglow instrumentations`: what is measured now, by whom, and why not where not. */
import { Command } from 'commander';
import { durationSeconds } from '../../query/unit.ts';
import { CommandFailure, EXIT, request, type Target } from '../client.ts';

const EXAMPLES = `
Examples:
  tailglow instrumentations                                   all that live, with their state per source
  tailglow instrumentations create 'http.requests where status >= 500 by route, latency as errors'
  tailglow instrumentations keep errors 7d
  tailglow instrumentations drop errors
`;

export function instrumentationsCommand(target: (command: Command) => Target): Command {
  const command = new Command('instrumentations')
    .alias('i')
    .description('list, create and drop instrumentations')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: { json?: boolean }, self: Command) => {
      await print(target(self), 'show instrumentations', flags.json === true);
    });
  command
    .command('create')
    .description('start measuring')
    .argument('<statement>', 'METRIC [where ...] [by ...] [every 1s] [keep 24h] [idle 1h] [as NAME]')
    .action(async (statement: string, _flags: unknown, self: Command) => {
      const text = /^\s*instrument\b/i.test(statement) ? statement : `instrument ${statement}`;
      await print(target(self), text, false);
    });
  command
    .command('drop')
    .description('stop measuring and delete what was stored')
    .argument('<name>')
    .action(async (name: string, _flags: unknown, self: Command) => {
      const path = `/api/v1/instrumentations/${encodeURIComponent(name)}`;
      await request(target(self), path, { method: 'DELETE' });
    });
  command
    .command('keep')
    .description('change how long data are kept')
    .argument('<name>')
    .argument('<duration>', 'such as 90s, 12h, 7d, 4w')
    .action(async (name: string, duration: string, _flags: unknown, self: Command) => {
      const body = JSON.stringify({ keepSeconds: seconds(duration) });
      const path = `/api/v1/instrumentations/${encodeURIComponent(name)}`;
      await request(target(self), path, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body,
      });
      await print(target(self), 'show instrumentations', false);
    });
  return command;
}

async function print(target: Target, statement: string, json: boolean): Promise<void> {
  const terminal = process.stdout.isTTY;
  const format = json ? 'json' : terminal ? 'text' : 'jsonl';
  const columns = Math.min(Math.max(process.stdout.columns ?? 100, 20), 1000);
  const response = await request(target, `/api/v1/query?format=${format}&columns=${columns}`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: statement,
    text: statement,
  });
  process.stdout.write(await response.text());
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
