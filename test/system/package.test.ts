/** The package as another project sees it: its exports, by name, from what was built. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const module = (code: string) => run(process.execPath, ['--input-type=module', '-e', code]);

it('gives the library, the arbitraries and the probe by their names', async () => {
  const { stdout } = await module(`
    import { openTailglow } from 'tailglow';
    import { arbitraries } from 'tailglow/testing';
    import fc from 'fast-check';
    import 'tailglow/node';
    const tailglow = await openTailglow({ metrics: [] });
    await tailglow.close();
    const [batch] = fc.sample(arbitraries.batch, 1);
    console.log(typeof batch.sequence);
  `);
  expect(stdout).toBe('number\n');
});

it('says how to use each command', async () => {
  for (const command of [[], ['serve'], ['query'], ['instrumentations'], ['verify']]) {
    const { stdout } = await run(process.execPath, ['bin/tailglow', ...command, '--help']);
    expect(stdout).toMatch(/^Usage: tailglow/);
    expect(stdout.split('\n').every((line) => line.length <= 130)).toBe(true);
  }
});

it('names every fault of the settings at once', async () => {
  const failed = await run(
    process.execPath,
    ['bin/tailglow', 'serve', '--port', '70000', '--listen', '0.0.0.0'],
    {
      env: { ...process.env, TAILGLOW_AGGREGATORS: 'many' },
    },
  ).catch((error: { code: number; stderr: string }) => error);
  expect(failed).toMatchObject({ code: 2 });
  const { stderr } = failed as { stderr: string };
  expect(stderr).toContain('command line: port is 70000');
  expect(stderr).toContain('environment: aggregators is');
  expect(stderr).toContain('listen is "0.0.0.0"');
});
