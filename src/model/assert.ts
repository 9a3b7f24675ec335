/** Bugs crash, failures are typed errors. An assert states what the code around it relies on;
 *  bad input never reaches one. */

export class AssertionFault extends Error {
  readonly code = 'ASSERTION';
}

/** Throws when `condition` is false. The message may be a function, so that a hot path builds no text. */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionFault(typeof message === 'function' ? message() : message);
}

/** The end of an exhaustive switch: the compiler proves it is never reached. */
export function unreachable(value: never): never {
  throw new AssertionFault(`unexpected value ${JSON.stringify(value)}`);
}
