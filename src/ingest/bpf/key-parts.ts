/** A row's key as bpftrace printed it, taken apart: the bucket and the numbers, the addresses, the one text last.
 *  Only the text may have commas. */
import type { Literal } from '../../model/predicate.ts';
import type { CompiledProgram } from './compile.ts';
import type { FieldSpec } from './metric.ts';

export interface KeyParts {
  readonly bucket: number;
  readonly values: ReadonlyMap<string, Literal>;
}

/** Undefined where it is not what the program's keys are like. */
export function keyParts(text: string, { keys, bucketed }: CompiledProgram): KeyParts | undefined {
  let at = 0;
  const next = (last: boolean): string | undefined => {
    if (at > text.length) return undefined;
    const comma = last ? -1 : text.indexOf(',', at);
    const part = text.slice(at, comma < 0 ? text.length : comma);
    at = comma < 0 ? text.length + 1 : comma + 1;
    return part;
  };
  const bucketText = bucketed ? next(keys.length === 0) : '0';
  if (bucketText === undefined || !/^\d{1,5}$/.test(bucketText)) return undefined;
  const values = new Map<string, Literal>();
  for (const [i, { name, spec }] of keys.entries()) {
    const part = next(i === keys.length - 1);
    const value = part === undefined ? undefined : shownValue(part, spec);
    if (value === undefined) return undefined;
    values.set(name, value);
  }
  return { bucket: Number(bucketText), values };
}

function shownValue(part: string, { kind, names, shown }: FieldSpec): Literal | undefined {
  if (kind !== 'int') return shown === undefined ? part : shown(part);
  if (!/^-?\d{1,20}$/.test(part)) return undefined;
  return names === undefined ? Number(part) : names.text(Number(part));
}
