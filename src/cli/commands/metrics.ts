/** `tailglow metrics`: what can be measured, and of the rest why not and what would make it so. */
import { Command } from 'commander';
import type { Target } from '../client.ts';
import { metricsText } from '../life-text.ts';
import { listedMetrics } from '../server-json.ts';
import { terminalColumns } from '../terminal-columns.ts';

export function metricsCommand(target: (command: Command) => Target): Command {
  return new Command('metrics')
    .description('list what can be measured here, and what cannot, why, and what would make it so')
    .option('--json', 'print JSON')
    .action(async (flags: { json?: boolean }, self: Command) => {
      const metrics = await listedMetrics(target(self));
      const text =
        flags.json === true ? `${JSON.stringify({ metrics })}\n` : metricsText(metrics, terminalColumns());
      process.stdout.write(text);
    });
}
