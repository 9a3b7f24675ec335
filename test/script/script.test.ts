/** Every script gives the answers that stand in it. To see what a script gives now, run the test: it fails with the
 *  difference; to take it over, run it with -u and read what changed. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runScript } from './run-script.ts';

const folder = dirname(fileURLToPath(import.meta.url));
const scripts = readdirSync(folder).filter((name) => name.endsWith('.script'));

describe('scripts', () => {
  it.each(scripts)('%s', async (name) => {
    const script = readFileSync(join(folder, name), 'utf8');
    await expect(runScript(script)).toMatchFileSnapshot(join(folder, name));
  });

  it('are many', () => {
    expect(scripts.length).toBeGreaterThanOrEqual(12);
  });
});
