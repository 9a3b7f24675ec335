/** A process that folds, seals and checkpoints is killed at random moments; what its store then serves is what
 *  the entries say, each counted once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { openStore } from '../../src/store/store.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { TemporaryDirectories } from '../sim/directory.ts';
import { serve } from '../sim/serve.ts';

const KILLS = 10;
const START = 256 * 7_013_000;
const FAR = 1_000_000_000;

const directories = new TemporaryDirectories();
afterEach(() => directories.removeAll());

/** Runs the child; kills it so long after it has opened the store, if at all. Returns where it began. */
async function run(directory: string, until: number, killAfterMs?: number): Promise<number> {
  const script = fileURLToPath(new URL('store-kill-child.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, directory, String(until)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  if (killAfterMs !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const [code, signal] = (await exited) as [number | null, string | null];
  expect(killAfterMs === undefined ? code : signal).toBe(killAfterMs === undefined ? 0 : 'SIGKILL');
  return Number(line.toString('utf8'));
}

/** What entries 1 up to `until` say: those that repeat another say nothing. */
function sums(until: number): Map<string, number> {
  const cells = new Map<string, number>();
  for (let of = 1; of < until; of++) {
    if (of % 10 === 9) continue;
    const place = `${START + Math.floor(of / 4)} ["/r${of % 5}"] 0`;
    cells.set(place, (cells.get(place) ?? 0) + 1 + ((of * 7919) % 100));
  }
  return cells;
}

describe('a store whose process is killed', () => {
  it(`${KILLS} times loses nothing and counts nothing twice`, async () => {
    const directory = directories.make();
    const began: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      began.push(await run(directory, FAR, 20 + Math.random() * 600));
      expect(verifyStore(directory, referenceKernel).findings).toEqual([]);
    }
    expect(began).toEqual(began.toSorted((a, b) => a - b));
    expect(began.at(-1)).toBeGreaterThan(began[0]!);
    await run(directory, began.at(-1)! + 3000);
    const again = openStore({ directory, kernel: referenceKernel, owns: () => true, logIdentity: 'formula' });
    const { cells } = serve(again.reader, 'requests');
    const expected = sums(again.resumeOffset);
    expect(cells).toEqual([...expected].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    expect(cells.length).toBeGreaterThan(1000);
    again.close();
  });
});
