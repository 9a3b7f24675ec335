/** `tailglow verify`: reads a whole data directory and says what is damaged. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { CommandFailure, EXIT } from '../client.ts';
import { kernelOption } from '../kernel-option.ts';

export function verifyCommand(): Command {
  return new Command('verify')
    .description('check log and store of a data directory; exits 1 if anything is damaged')
    .requiredOption('--data <dir>', 'the data directory')
    .addOption(kernelOption())
    .action(async ({ data, kernel }: { data: string; kernel: 'native' | 'reference' }) => {
      if (!existsSync(data))
        throw new CommandFailure(EXIT.refused, `Cannot verify "${data}": no such directory`);
      const { verifyData } = await import('../../service/verify-data.ts');
      const { lines, findings } = verifyData(data, kernel);
      for (const line of lines) console.log(line);
      for (const finding of findings) console.log(`damaged: ${finding}`);
      if (findings.length > 0)
        throw new CommandFailure(EXIT.refused, `${findings.length} places are damaged`);
      console.log('nothing damaged');
    });
}
