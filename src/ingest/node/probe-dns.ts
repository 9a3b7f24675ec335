/** The probe of name lookups: `dns.lookup`, which net, http and fetch use, and the queries of the default resolver,
 *  with callbacks and promises. Node publishes nothing about those that fail, so the functions are tapped. Not seen:
 *  a `Resolver` of the program's own, a function that a CommonJS module took out of `dns` before. */
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { isIP } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Literal } from '../../model/predicate.ts';
import { elapsedNs, errorText, guarded, type Probe } from './probe.ts';
import { tapMethod, whenDone } from './tap.ts';

const METHODS = [
  'lookup',
  'lookupService',
  'resolve',
  'resolve4',
  'resolve6',
  'resolveAny',
  'resolveCaa',
  'resolveCname',
  'resolveMx',
  'resolveNaptr',
  'resolveNs',
  'resolvePtr',
  'resolveSoa',
  'resolveSrv',
  'resolveTxt',
  'reverse',
];

export const dnsLookups: Probe = (fixed, emit, onFault) => {
  let name = '';
  let kind = '';
  let error = '';
  let latencyNs = 0;
  const read = (field: string): Literal | undefined => {
    switch (field) {
      case 'latency':
        return latencyNs;
      case 'name':
        return name;
      case 'kind':
        return kind;
      case 'error':
        return error;
      default:
        return fixed.get(field);
    }
  };
  let running = true;
  const stops = METHODS.flatMap((method) =>
    [dns, dns.promises].map((target, i) =>
      tapMethod(
        target,
        method,
        (_self, args) => {
          const [asked] = args;
          // An address is looked up by itself, as listening does.
          if (typeof asked !== 'string' || (method === 'lookup' && isIP(asked) !== 0)) return undefined;
          const startMs = performance.now();
          const done = guarded((failed: unknown) => {
            if (!running) return;
            const endMs = performance.now();
            [name, kind, error] = [asked, method, errorText(failed)];
            latencyNs = elapsedNs(startMs, endMs);
            emit(endMs, read);
          }, onFault);
          return whenDone(args, done, i === 0 ? 'callback' : 'promise');
        },
        onFault,
      ),
    ),
  );
  syncBuiltinESMExports();
  return {
    flush: () => {},
    stop: () => {
      running = false;
      for (const stop of stops) stop();
      syncBuiltinESMExports();
    },
  };
};
