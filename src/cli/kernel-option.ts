/** The `--kernel` of commands that work on files themselves. */
import { Option } from 'commander';

export function kernelOption(): Option {
  return new Option('--kernel <kernel>', 'hot loops: the add-on, or plain TypeScript')
    .choices(['native', 'reference'])
    .default('native');
}
