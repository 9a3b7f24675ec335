/** `tailglow verify`: reads a whole data directory, checks its parts against each other, and says what differs. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { systemClock } from '../../model/clock.ts';
import { CommandFailure, EXIT } from '../client.ts';
import { kernelOption } from '../kernel-option.ts';
import { Progress } from '../progress.ts';

const ABOUT = `
Checks every checksum of log and segments; that roll-ups equal the seconds they were made of; that
stores and catalogue equal a fold of the log, which is made once more in a temporary directory.
With --against, that two data directories hold the same, byte for byte.
`;

interface VerifyFlags {
  readonly data: string;
  readonly against?: string;
  readonly quick?: true;
  readonly kernel: 'native' | 'reference';
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'check log, segments, roll-ups and catalogue of a data directory; exits 1 if anything differs',
    )
    .requiredOption('--data <dir>', 'the data directory; best of a server that is stopped')
    .option('--against <dir>', 'another data directory that should hold the same, as `replay` makes one')
    .option('--quick', 'checksums only: folds nothing anew')
    .addOption(kernelOption())
    .addHelpText('after', ABOUT)
    .action(verify);
}

async function verify({ data, against, quick, kernel }: VerifyFlags): Promise<void> {
  for (const directory of against === undefined ? [data] : [data, against]) {
    if (!existsSync(directory))
      throw new CommandFailure(EXIT.refused, `Cannot verify "${directory}": no such directory`);
  }
  const { compareData, verifyData } = await import('../../service/verify-data.ts');
  const progress = new Progress(process.stderr, systemClock);
  const onProgress = ({ entries, entriesTotal }: { entries: number; entriesTotal: number }): void =>
    progress.show({
      done: entries,
      total: entriesTotal,
      text: `${entries} of ${entriesTotal} entries folded`,
    });
  const { lines, findings } =
    against === undefined
      ? await verifyData(data, { kernel, quick: quick === true, onProgress })
      : compareData(data, against, kernel);
  progress.end();
  for (const line of lines) console.log(line);
  for (const finding of findings) console.log(`differs: ${finding}`);
  if (findings.length > 0)
    throw new CommandFailure(EXIT.refused, `${findings.length} things are damaged or differ`);
  console.log(against === undefined ? 'nothing damaged, nothing differs' : 'equal');
}
