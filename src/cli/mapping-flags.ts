/** Flags that say how rows and lines say things: which column is which field, in which units. */
import { Option } from 'commander';
import type { Mapping } from '../ingest/backfill/row.ts';
import type { TimeScale } from '../ingest/backfill/time.ts';
import { CommandFailure, EXIT } from './client.ts';

export interface MappingFlags {
  readonly map: readonly string[];
  readonly unit?: string;
  readonly timeUnit?: TimeScale;
}

export function mapOption(): Option {
  return new Option(
    '--map <field=column,..>',
    'columns that are named otherwise; a.b is a path, field= is none',
  )
    .argParser((text: string, before: readonly string[]) => [...before, ...text.split(',')])
    .default([], 'none');
}

export async function mappingOf({ map, unit, timeUnit }: MappingFlags): Promise<Mapping> {
  const { isUnit, UNITS } = await import('../query/unit.ts');
  const columns: Record<string, string> = {};
  for (const pair of map) {
    const at = pair.indexOf('=');
    if (at <= 0) throw new CommandFailure(EXIT.usage, `Cannot read --map ${pair}: expected FIELD=COLUMN`);
    columns[pair.slice(0, at)] = pair.slice(at + 1);
  }
  const given = unit === 'none' ? '' : unit;
  if (given !== undefined && given !== '' && !isUnit(given))
    throw new CommandFailure(
      EXIT.usage,
      `Cannot read --unit ${given}: expected one of ${UNITS.join(' ')} none`,
    );
  return {
    columns,
    ...(given === undefined ? {} : { unit: given }),
    ...(timeUnit === undefined ? {} : { timeScale: timeUnit }),
  };
}
