/** The bpf driver's catalogue on a machine that has everything, with names that do not depend on this one. */
import { bpfCatalogue, type CataloguedMetric } from '../../../src/ingest/bpf/catalogue.ts';
import type { HostNames } from '../../../src/ingest/bpf/host-names.ts';
import { tableNames } from '../../../src/ingest/bpf/names.ts';

const text = (id: number): string => `name of ${id}`;

const names: HostNames = {
  cgroups: tableNames('control group', new Map([[7, '/system.slice']])),
  disks: tableNames('disk', new Map([[266338304, 'vda']])),
  arguments: { what: 'command line', text },
  database: { what: 'database', text },
  databaseUser: { what: 'user', text },
  cgroupIds: () => [7],
  containerIds: () => [7],
};

export const catalogue: readonly CataloguedMetric[] = bpfCatalogue({
  arch: 'x64',
  names,
  paths: { libc: '/lib/libc.so.6', postgres: '/usr/lib/postgresql/15/bin/postgres' },
  hasTracepoint: () => true,
});

export function metricNamed(name: string): CataloguedMetric {
  return catalogue.find((metric) => metric.description.name === name)!;
}
