/** Every case that failed once, again: test/regressions has what was left of it when it was found. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeRegression, encodeRegression } from './case.ts';
import { runCase } from './world.ts';

const directory = new URL('../regressions/', import.meta.url);
const names = readdirSync(directory).filter((name) => name.endsWith('.json'));

describe('a case that failed once', () => {
  it.each(names)('%s holds', async (name) => {
    const json = readFileSync(new URL(name, directory), 'utf8');
    const found = decodeRegression(json, name);
    expect(encodeRegression(found), 'written as it is kept').toBe(json);
    expect((await runCase(found)).fault).toBeUndefined();
  });

  it('is kept', () => expect(names).not.toEqual([]));
});
