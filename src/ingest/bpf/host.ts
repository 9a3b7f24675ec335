/** What the catalogue's tables take from the host that they are made for. */
import type { MetricDescription } from '../../model/metric.ts';
import type { HostNames } from './host-names.ts';

export interface Host {
  /** As process.arch has it. */
  readonly arch: string;
  readonly names: HostNames;
  readonly paths: { readonly libc?: string | undefined; readonly postgres?: string | undefined };
  /** By `category/name`. */
  hasTracepoint(name: string): boolean;
  /** A description whose fields are filled in when the tables are joined; `ofTask` where it has those of a task. */
  describe(name: string, label: string, unit: string, cost: string, ofTask?: boolean): MetricDescription;
}
