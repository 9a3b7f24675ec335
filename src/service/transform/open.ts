/** The transformations that the settings ask for. Each thread that names keys opens its own: what one has looked up
 *  stays in its cache, and no answer waits for another thread. */
import { Resolver } from 'node:dns/promises';
import type { Clock } from '../../model/clock.ts';
import type { NamesOf } from '../../query/naming.ts';
import { Geo } from './geo.ts';
import { LookupTable, LookupTableError } from './lookup-table.ts';
import { ReverseDns } from './reverse-dns.ts';
import type { Transformation } from './transformation.ts';

export interface NamingSettings {
  /** Tables, as NAME=FILE. */
  readonly lookup: readonly string[];
  /** A geolocation file; empty for none. */
  readonly geo: string;
}

/** Throws LookupTableError, GeoFileError. */
export function openTransformations(
  { lookup, geo }: NamingSettings,
  clock: Clock,
  notice: (line: string) => void,
): Transformation[] {
  const dns = new ReverseDns(new Resolver(), clock);
  const all: Transformation[] = [dns, ...(geo === '' ? [] : [new Geo({ path: geo, clock, notice })])];
  for (const setting of lookup) {
    const [, name, path] = /^([^=]+)=(.+)$/.exec(setting) ?? [];
    if (name === undefined || path === undefined)
      throw new LookupTableError(`Cannot use the lookup "${setting}": expected NAME=FILE`);
    if (all.some((one) => one.name === name))
      throw new LookupTableError(
        `Cannot use the lookup "${setting}": "${name}" is taken, expected another name`,
      );
    all.push(new LookupTable({ name, path, clock, notice }));
  }
  return all;
}

/** The checked statement names a transformation that there is. */
export function namesBy(all: readonly Transformation[]): NamesOf {
  const byName = new Map(all.map((one) => [one.name, one]));
  return (name, values) => byName.get(name)?.named(values) ?? { names: {}, pending: [] };
}
