/** `tailglow/testing/vitest`: registers the matchers with vitest's `expect`, types included. Import it once, in a
 *  setup file or in the test. */
import { expect } from 'vitest';
import { type TailglowMatchers, tailglowMatchers } from './matchers.ts';

declare module 'vitest' {
  // oxlint-disable-next-line typescript/no-empty-object-type
  interface Matchers<T> extends TailglowMatchers<T> {}
}

expect.extend(tailglowMatchers);
