/** The shape of the bpf driver's catalogue: what a metric's probes are and how its fields are read at them. Data
 *  only. Expressions are bpftrace's; they are written in the catalogue's files, and nowhere else. */
import type { Field, MetricDescription } from '../../model/metric.ts';

/** From the number that the kernel has to the text that a person reads, and back. */
export interface Names {
  /** What the names are of, for messages. */
  readonly what: string;
  text(id: number): string;
  /** The numbers of a name, none where it is no name; where this is missing, names are compared in user space. */
  ids?(text: string): readonly number[];
}

export interface FieldSpec {
  readonly field: Field;
  /** int: a number of at most 53 bits. text: bytes. inet: an address, known as text in user space only. */
  readonly kind: 'int' | 'text' | 'inet';
  /** Of a text: bytes that the kernel keeps of it. */
  readonly bytes?: number;
  readonly names?: Names;
  /** Of a text or an address: what a person reads for it. The kernel cannot compare what is read differently. */
  readonly shown?: (raw: string) => string;
  /** Its expressions follow the kernel's own structures. */
  readonly btf?: true;
}

/** Code at a probe. `$f`-like variables are set by `prepare`. */
export interface Block {
  readonly probe: string;
  /** What must hold, before anything else. */
  readonly when?: string;
  /** Statements that values need. */
  readonly prepare?: string;
  /** What must hold after `prepare`. */
  readonly check?: string;
  /** What ties a start to its end. */
  readonly key?: string;
  /** The event's own task runs here: the fields that all tasks have can be read. */
  readonly task?: true;
  /** By field name. */
  readonly values?: Readonly<Record<string, string>>;
  /** Of a start: what the end needs besides, by name; `@r_name[key]` there. */
  readonly save?: Readonly<Record<string, string>>;
  /** Of a start: nothing begins here, but the thread at `key` is who its next end is of; it goes where this holds. */
  readonly forget?: string;
}

/** What a metric demands of the machine, each with a way to look. */
export type Need =
  | { readonly kind: 'tracepoint'; readonly name: string }
  | { readonly kind: 'btf' }
  | {
      readonly kind: 'symbol' | 'usdt';
      readonly what: string;
      readonly path: string | undefined;
      readonly name: string;
      readonly remedy: string;
    };

export interface BpfMetric {
  readonly description: MetricDescription;
  /** Where what is measured begins; none where one probe says all. */
  readonly starts: readonly Block[];
  /** Where it is counted. */
  readonly ends: readonly Block[];
  /** Who a thread is, where neither start nor end runs as the thread itself. */
  readonly context?: Block;
  readonly fields: Readonly<Record<string, FieldSpec>>;
  /** What an event adds, where that is not 1. */
  readonly amount?: string;
  readonly needs: readonly Need[];
  /** Costs everybody on the machine, also those who are filtered out: its programs run on a lease. */
  readonly expensive?: true;
}
