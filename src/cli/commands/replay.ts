/** `tailglow replay`: rebuilds stores and catalogue from the log, into a new place. */
import { Command, Option } from 'commander';
import { systemClock } from '../../model/clock.ts';
import { type Level, LEVELS } from '../../model/level.ts';
import { Progress } from '../progress.ts';
import { kernelOption } from '../kernel-option.ts';

const EXAMPLES = `
Examples:
  tailglow replay --data ./data --into ./rebuilt             an equal store, from the log alone
  tailglow replay --data ./data --into ./coarse --step 1m    the same history, kept by the minute
  tailglow verify --data ./data --against ./rebuilt          says whether they are equal
`;

interface ReplayFlags {
  readonly data: string;
  readonly log: string;
  readonly into: string;
  readonly step: string;
  readonly kernel: 'native' | 'reference';
}

const STEPS: { readonly [text: string]: Level } = { '1s': 1, '10s': 10, '1m': 60, '10m': 600, '1h': 3600 };

export function replayCommand(): Command {
  return new Command('replay')
    .description('rebuild the stores of a data directory from its log, into a new place')
    .requiredOption('--data <dir>', 'the data directory whose log is read; a server may be using it')
    .requiredOption('--into <dir>', 'where the rebuilt stores go: a new or empty directory')
    .option('--log <log>', '`file`, or the amqp:// URL of the log', 'file')
    .addOption(
      new Option('--step <step>', 'the finest step to keep').choices(Object.keys(STEPS)).default('1s'),
    )
    .addOption(kernelOption())
    .addHelpText('after', EXAMPLES)
    .action(async ({ data, log, into, step, kernel }: ReplayFlags) => {
      const { replay } = await import('../../service/replay.ts');
      const progress = new Progress(process.stderr, systemClock);
      const startMs = systemClock.nowMs();
      const outcome = await replay({
        data,
        log,
        into,
        kernel,
        finest: STEPS[step] ?? LEVELS[0],
        onProgress: ({ entries, entriesTotal, cells }) =>
          progress.show({
            done: entries,
            total: entriesTotal,
            text: `${entries} of ${entriesTotal} entries, ${rate(cells, systemClock.nowMs() - startMs)}`,
          }),
      });
      progress.end();
      const { firstOffset, endOffset, cells, aggregators } = outcome;
      if (firstOffset > 0)
        console.log(`the log begins at offset ${firstOffset}: what came before is not rebuilt`);
      console.log(
        `${endOffset - firstOffset} entries folded into ${aggregators} stores in "${into}", ${rate(cells, systemClock.nowMs() - startMs)}`,
      );
    });
}

function rate(cells: number, ms: number): string {
  return `${(cells / 1000 / Math.max(1, ms)).toFixed(1)} Mcells/s`;
}
