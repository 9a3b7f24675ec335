/** The probes of the runtime itself: how late the event loop is, and what garbage collection takes. */
import { constants, performance, PerformanceObserver } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';
import type { Literal } from '../../model/predicate.ts';
import { elapsedNs, type Probe } from './probe.ts';

/** A timer due every 20 ms: how late it comes is how long a request would have waited for the loop. */
const LOOP_INTERVAL_MS = 20;

export const nodeLoop: Probe = (fixed, emit, onFault) => {
  let dueMs = performance.now() + LOOP_INTERVAL_MS;
  let latencyNs = 0;
  const read = (field: string): Literal | undefined => (field === 'latency' ? latencyNs : fixed.get(field));
  const timer = setTimeout(() => {
    try {
      const nowMs = performance.now();
      latencyNs = elapsedNs(dueMs, nowMs);
      emit(nowMs, read);
      dueMs = nowMs + LOOP_INTERVAL_MS;
      timer.refresh();
    } catch (error) {
      onFault(error);
    }
  }, LOOP_INTERVAL_MS).unref();
  return { flush: () => {}, stop: () => clearTimeout(timer) };
};

const GC_KINDS: ReadonlyMap<unknown, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak callbacks'],
]);

interface GcEntry {
  readonly startTime: number;
  readonly duration: number;
  readonly detail?: unknown;
}

export const nodeGc: Probe = (fixed, emit, onFault) => {
  let kind = '';
  let latencyNs = 0;
  const read = (field: string): Literal | undefined => {
    if (field === 'latency') return latencyNs;
    return field === 'kind' ? kind : fixed.get(field);
  };
  const take = (entries: readonly GcEntry[]): void => {
    try {
      for (const entry of entries) {
        const detail = entry.detail as { readonly kind?: unknown } | undefined;
        kind = GC_KINDS.get(detail?.kind) ?? 'other';
        latencyNs = elapsedNs(0, entry.duration);
        emit(entry.startTime + entry.duration, read);
      }
    } catch (error) {
      onFault(error);
    }
  };
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  return { flush: () => take(observer.takeRecords()), stop: () => observer.disconnect() };
};
