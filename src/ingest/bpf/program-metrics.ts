/** Inside programs: PostgreSQL by its own probes, name resolution by the C library's function. */
import type { Host } from './host.ts';
import type { BpfMetric, FieldSpec } from './metric.ts';
import { lookupErrorNames } from './names.ts';
import { discrete, TEXT_BYTES, time } from './task-fields.ts';

const COST = 'two traps for each, 10 to 30 us together in a virtual machine';
const latency: FieldSpec = { field: time('latency'), kind: 'int' };

export function programMetrics(host: Host): readonly BpfMetric[] {
  return [postgresQueries(host), dnsLookups(host)];
}

/** What remains of a query when its constants are gone, so that equal questions are one key. */
export function normalizedQuery(text: string): string {
  return text
    .replace(/'(?:[^']|'')*(?:'|$)/g, '?')
    .replace(/\b\d[\d.]*\b/g, '?')
    .replace(/\s+/g, ' ')
    .trim();
}

function postgresQueries(host: Host): BpfMetric {
  const path = host.paths.postgres;
  const probe = (name: string): string => `usdt:${path ?? '/missing'}:postgresql:${name}`;
  return {
    description: host.describe('postgres.queries', 'PostgreSQL queries', 'queries', COST),
    starts: [{ probe: probe('query__start'), key: 'tid', task: true }],
    ends: [
      {
        probe: probe('query__done'),
        key: 'tid',
        task: true,
        values: { query: 'str(arg0)', database: 'pid', user: 'pid' },
      },
    ],
    fields: {
      query: {
        field: discrete('query', 'query, its beginning without constants'),
        kind: 'text',
        bytes: TEXT_BYTES,
        shown: normalizedQuery,
      },
      database: { field: discrete('database'), kind: 'int', names: host.names.database },
      user: { field: discrete('user', 'database user'), kind: 'int', names: host.names.databaseUser },
      latency,
    },
    needs: [
      {
        kind: 'usdt',
        what: 'PostgreSQL server',
        path,
        name: 'postgresql:query__start',
        remedy: 'install PostgreSQL built with --enable-dtrace, as Debian and Red Hat do, or set its path',
      },
    ],
  };
}

function dnsLookups(host: Host): BpfMetric {
  const path = host.paths.libc;
  return {
    description: host.describe('dns.lookups', 'names looked up by the C library', 'lookups', COST),
    starts: [
      { probe: `uprobe:${path ?? '/missing'}:getaddrinfo`, key: 'tid', task: true, save: { name: 'arg0' } },
    ],
    ends: [
      {
        probe: `uretprobe:${path ?? '/missing'}:getaddrinfo`,
        key: 'tid',
        task: true,
        values: { name: 'str(@r_name[tid])', error: '(int32)retval' },
      },
    ],
    fields: {
      name: { field: discrete('name', 'name looked up'), kind: 'text', bytes: TEXT_BYTES },
      error: { field: discrete('error'), kind: 'int', names: lookupErrorNames },
      latency,
    },
    needs: [
      {
        kind: 'symbol',
        what: 'C library',
        path,
        name: 'getaddrinfo',
        remedy: 'a C library that is linked dynamically and exports getaddrinfo',
      },
    ],
  };
}
