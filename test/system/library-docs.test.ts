/** docs/LIBRARY.md as a reader uses it: every example is written to a file of its own, type-checked against the built
 *  package by its name, and run: tests by vitest, programs by Node. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const run = promisify(execFile);
const root = process.cwd();
const examples = new Map(
  [...readFileSync('docs/LIBRARY.md', 'utf8').matchAll(/^```ts (\S+)\n(.*?)^```$/gms)].map(
    ([, name, code]) => [name!, code!],
  ),
);

/** A project that has tailglow installed: by a link, as a workspace has. */
let project: string;
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'tailglow-docs-'));
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
  symlinkSync(root, join(project, 'node_modules/tailglow'));
  for (const name of ['vitest', 'fast-check', '@types/node'])
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
  writeFileSync(join(project, 'package.json'), '{ "name": "reader", "type": "module" }');
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    outDir: 'built',
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  for (const [name, code] of examples) writeFileSync(join(project, name), code);
});
afterAll(() => rmSync(project, { recursive: true }));

const tool = (name: string, args: readonly string[]): Promise<string> =>
  run(process.execPath, [join(root, 'node_modules', name), ...args], { cwd: project }).then(
    ({ stdout }) => stdout,
    (error: { stdout: string; stderr: string }) => {
      throw new Error(`${error.stdout}\n${error.stderr}`);
    },
  );

it('has an example of each part, and every block of TypeScript is one', () => {
  const blocks = readFileSync('docs/LIBRARY.md', 'utf8').match(/^```ts/gm) ?? [];
  expect(examples.size).toBe(blocks.length);
  expect([...examples.keys()].filter((name) => !name.endsWith('.test.ts'))).toEqual([
    'embed.ts',
    'recording.ts',
  ]);
});

it('type-checks under strict settings, declarations included', async () => {
  expect(await tool('typescript/bin/tsc', ['-p', project])).toBe('');
});

it('runs: the programs say what they found, and find it again', async () => {
  const node = (name: string, data: string) =>
    run(process.execPath, [join('built', name), data], { cwd: project });
  const { stdout } = await node('embed.js', 'data');
  expect(stdout).toMatch(/^mail p50 \d+ ns, surely from \d+ up to \d+$/m);
  expect(stdout).toMatch(/^print p99 \d+ ns, surely/m);
  expect(stdout).toMatch(/^jobs$/m);
  expect(stdout).toMatch(/did you mean "queue"/);
  await node('embed.js', 'data');
  cpSync(join(project, 'data'), join(project, 'copy'), { recursive: true });
  const { stdout: found } = await node('recording.js', 'copy');
  expect(found).toBe('jobs 6\nplayed\n');
});

it('runs: the tests pass, and fail where a limit is broken', async () => {
  expect(await tool('vitest/vitest.mjs', ['run', '--reporter=json', '.test.ts'])).toContain(
    '"numFailedTests":0',
  );
  const broken = examples.get('handler.test.ts')!.replace("atMost: '1s'", "atMost: '1us'");
  writeFileSync(join(project, 'handler.test.ts'), broken);
  const failed = await tool('vitest/vitest.mjs', ['run', 'handler.test.ts']).catch(String);
  expect(failed).toContain('expected p50 at most 1us');
  expect(failed).toContain('query: http.requests by latency last 5m | histograms');
});
