/** Looks on at a method's calls where the program's libraries publish nothing: the method is replaced while somebody
 *  looks, and put back after. Owns: what is replaced.
 *  Invariants: the method is called once, with what it was called with (or what a tap put in place of a callback),
 *  and its result or error goes on; a tap that throws is told to its own `onFault`. Where somebody else has replaced
 *  the method over ours, ours stays and costs one check a call. */
import type { OnFault } from './probe.ts';

/** Called before the method; what it gives is called after, and gives the result that goes on. */
export type Tap = (self: unknown, args: unknown[]) => After | undefined;
export interface After {
  returned(result: unknown): unknown;
  threw(error: unknown): void;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;
interface Tapped {
  readonly taps: Set<Tap>;
  readonly replacement: Method;
}

const tapped = new WeakMap<object, Map<string, Tapped>>();

/** Gives how it ends. A target that has no such method, or lets nobody replace it, is left alone. One that inherits it
 *  from `owner` has one of its own while it is tapped. */
export function tapMethod(
  target: object,
  name: string,
  tap: Tap,
  onFault: OnFault,
  owner: object = target,
): () => void {
  const safe: Tap = (self, args) => {
    try {
      return tap(self, args);
    } catch (error) {
      onFault(error);
      return undefined;
    }
  };
  const found = tapped.get(target)?.get(name) ?? replace(target, name, owner);
  if (found === undefined) return () => {};
  found.taps.add(safe);
  return () => {
    found.taps.delete(safe);
    if (found.taps.size === 0) putBack(target, name, found);
  };
}

/** What the target had of its own. */
const originals = new WeakMap<Tapped, PropertyDescriptor | undefined>();

function replace(target: object, name: string, owner: object): Tapped | undefined {
  const own = Object.getOwnPropertyDescriptor(target, name);
  const before = own ?? Object.getOwnPropertyDescriptor(owner, name);
  const original: unknown = before?.value;
  if (before?.configurable !== true || typeof original !== 'function') return undefined;
  const taps = new Set<Tap>();
  const replacement: Method = function (...args) {
    return taps.size === 0
      ? Reflect.apply(original, this, args)
      : watched(original as Method, this, args, taps);
  };
  // Its name, length, and what util.promisify looks for.
  Object.defineProperties(replacement, Object.getOwnPropertyDescriptors(original));
  Object.defineProperty(target, name, { ...before, value: replacement });
  const made: Tapped = { taps, replacement };
  originals.set(made, own);
  const all = tapped.get(target) ?? new Map<string, Tapped>();
  tapped.set(target, all.set(name, made));
  return made;
}

function putBack(target: object, name: string, found: Tapped): void {
  const now = Object.getOwnPropertyDescriptor(target, name);
  if (now?.value !== found.replacement) return;
  const own = originals.get(found);
  if (own === undefined) Reflect.deleteProperty(target, name);
  else Object.defineProperty(target, name, own);
  tapped.get(target)?.delete(name);
}

function watched(original: Method, self: unknown, args: unknown[], taps: ReadonlySet<Tap>): unknown {
  const afters: After[] = [];
  for (const tap of taps) {
    const after = tap(self, args);
    if (after !== undefined) afters.push(after);
  }
  let result: unknown;
  try {
    result = Reflect.apply(original, self, args);
  } catch (error) {
    for (const after of afters) after.threw(error);
    throw error;
  }
  for (const after of afters) result = after.returned(result);
  return result;
}

/** The end of an operation that tells it to the callback that comes last, by a promise, or by returning. `done` is
 *  called once, and must not throw. Undefined where nobody will tell. */
export function whenDone(
  args: unknown[],
  done: (error: unknown) => void,
  how: 'callback' | 'promise' | 'either' | 'return',
): After | undefined {
  if (how === 'return') return { returned: (result) => (done(undefined), result), threw: done };
  const last = args.length - 1;
  const callback = args[last];
  if (how !== 'promise' && typeof callback === 'function') {
    args[last] = function (this: unknown, ...results: unknown[]): unknown {
      done(results[0]);
      return Reflect.apply(callback, this, results);
    };
    return { returned: (result) => result, threw: done };
  }
  if (how === 'callback') return undefined;
  return { returned: (result) => (isPromise(result) ? told(result, done) : result), threw: done };
}

/** In its place, so that a rejection that nobody handles is still one. */
function told(promise: PromiseLike<unknown>, done: (error: unknown) => void): PromiseLike<unknown> {
  return promise.then(
    (value) => {
      done(undefined);
      return value;
    },
    (error: unknown) => {
      done(error ?? 'error');
      throw error;
    },
  );
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
