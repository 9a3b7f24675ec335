import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { type After, tapMethod, whenDone } from '../../../src/ingest/node/tap.ts';

const never = (): never => {
  throw new Error('no fault was expected');
};
const looking = (seen: unknown[]): After => ({
  returned: (result) => (seen.push(result), result),
  threw: (error) => void seen.push(error),
});

it('shows each call to everyone who looks, and puts the method back when nobody does', () => {
  const target = { add: (a: number, b: number): number => a + b };
  const original = target.add;
  const seen: unknown[][] = [[], []];
  const stops = seen.map((list) => tapMethod(target, 'add', () => looking(list), never));
  expect(target.add(1, 2)).toBe(3);
  expect([target.add.name, target.add.length]).toEqual(['add', 2]);
  stops[0]!();
  expect(target.add(2, 2)).toBe(4);
  stops[1]!();
  expect(target.add).toBe(original);
  expect(seen).toEqual([[3], [3, 4]]);
});

it('lets errors and receivers through, and a tap that throws changes nothing', () => {
  const faults: unknown[] = [];
  const target = {
    name: 'me',
    who(this: { name: string }, fails: boolean): string {
      if (fails) throw new Error('mine');
      return this.name;
    },
  };
  const seen: unknown[] = [];
  const stop = tapMethod(
    target,
    'who',
    (_self, args) => {
      if (args.length === 1) return looking(seen);
      throw new Error('ours');
    },
    (error) => faults.push(error),
  );
  expect(target.who(false)).toBe('me');
  expect(() => target.who(true)).toThrow('mine');
  expect((target.who as () => string)()).toBe('me');
  expect(seen).toEqual(['me', new Error('mine')]);
  expect(faults).toEqual([new Error('ours')]);
  stop();
});

it('stays below what somebody else put over it, costs a check, and is used again', () => {
  const target = { go: (): string => 'went' };
  const seen: unknown[] = [];
  tapMethod(target, 'go', () => looking(seen), never)();
  const stop = tapMethod(target, 'go', () => looking(seen), never);
  const ours = target.go;
  target.go = () => `${ours()} by us`;
  const theirs = target.go;
  stop();
  expect(target.go).toBe(theirs);
  expect(target.go()).toBe('went by us');
  for (let i = 0; i < 3; i++) tapMethod(target, 'go', () => looking(seen), never)();
  expect(target.go).toBe(theirs);
  const again = tapMethod(target, 'go', () => looking(seen), never);
  expect(target.go()).toBe('went by us');
  again();
  expect(seen).toEqual(['went']);
});

it('leaves alone what cannot be replaced', () => {
  const target = Object.freeze({ go: () => 1 });
  tapMethod(target, 'go', never, never)();
  tapMethod(target, 'missing', never, never)();
  expect(target.go()).toBe(1);
});

it('sees the end by a callback or a promise, once, and a rejection stays one', async () => {
  const target = {
    ask(this: void, fails: boolean, callback?: (error: unknown, value?: string) => void): unknown {
      if (callback !== undefined) return void setImmediate(callback, fails ? new Error('no') : null, 'yes');
      return fails ? Promise.reject(new Error('no')) : Promise.resolve('yes');
    },
  };
  const ends: unknown[] = [];
  const stop = tapMethod(
    target,
    'ask',
    (_self, args) => whenDone(args, (e) => ends.push(e), 'either'),
    never,
  );
  const asked = promisify(target.ask);
  expect(await asked(false)).toBe('yes');
  await expect(asked(true)).rejects.toThrow('no');
  expect(await target.ask(false)).toBe('yes');
  await expect(target.ask(true)).rejects.toThrow('no');
  expect(ends.map((e) => (e instanceof Error ? e.message : e))).toEqual([null, 'no', undefined, 'no']);
  stop();
});
