/** What a probe is: how a metric's events are seen inside a running Node program. Owns: the contract, and the
 *  subscription to diagnostics channels.
 *  Invariants of every probe: nothing is subscribed or wrapped while it is not started; it never throws into the
 *  program; an event builds no object: its fields are read on demand off one record that the next event overwrites. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FieldReader, Literal } from '../../model/predicate.ts';

/** Takes an event that ended at a reading of performance.now(). Never throws. */
export type Emit = (endMs: number, read: FieldReader) => void;

export interface RunningProbe {
  /** Hands over what the runtime holds back. */
  flush(): void;
  stop(): void;
}

/** The values that are the same for all events of the program. */
export type FixedFields = ReadonlyMap<string, Literal>;
export type OnFault = (error: unknown) => void;
export type Probe = (fixed: FixedFields, emit: Emit, onFault: OnFault) => RunningProbe;

const NS_PER_MS = 1e6;

/** What passed between two readings of performance.now(). */
export function elapsedNs(startMs: number, endMs: number): number {
  return Math.max(0, Math.round((endMs - startMs) * NS_PER_MS));
}

export type Listener = (message: unknown) => void;

/** Subscribes all, or none; a listener that throws tells `onFault` and not the program. */
export function listen(listeners: Readonly<Record<string, Listener>>, onFault: OnFault): () => void {
  const all = Object.entries(listeners).map(([name, listener]): [string, Listener] => [
    name,
    guarded(listener, onFault),
  ]);
  for (const [name, listener] of all) subscribe(name, listener);
  return () => {
    for (const [name, listener] of all) unsubscribe(name, listener);
  };
}

/** The program goes on whatever we do wrong. */
export function guarded<A extends unknown[]>(
  step: (...args: A) => void,
  onFault: OnFault,
): (...args: A) => void {
  return (...args) => {
    try {
      step(...args);
    } catch (error) {
      onFault(error);
    }
  };
}

/** The code of a Node error, or its name; the empty text for none. */
export function errorText(error: unknown): string {
  if (error === undefined || error === null) return '';
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  if (typeof code === 'string' && code !== '') return code;
  return typeof name === 'string' && name !== '' ? name : 'error';
}
