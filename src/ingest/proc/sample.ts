/** What a subject (the CPUs, the disks, the processes) is at one moment: things, each with its discrete fields and its
 *  numbers in the subject's columns, and what two samples of adjacent seconds say together. Pure values.
 *  Numbers are in the file's own units: a counter in ns would soon leave the integers that a double holds, so what it
 *  gained is scaled and not the counter. NaN stands for a number that is not known. */
import type { Literal } from '../../model/predicate.ts';
import { gained } from './counters.ts';

export interface Thing {
  readonly fields: Readonly<Record<string, Literal>>;
  readonly numbers: Float64Array;
}

export interface Sample {
  /** By what stands for the same thing in the next sample. */
  readonly things: ReadonlyMap<string, Thing>;
  /** Things that a bound left out. */
  readonly leftOut: number;
  /** Why something is not in it: a file that is missing, in words for a person. */
  readonly faults: readonly string[];
}

/** What is wanted of a sample: a subject may leave the rest unread, as NaN. */
export interface Asked {
  readonly columns: ReadonlySet<number>;
  readonly fields: ReadonlySet<string>;
}

/** Something that is sampled once a second, however many metrics are counted from it. */
export interface Subject {
  /** The first so many columns are counters; the others are levels. */
  readonly counters: number;
  /** A thing that was not there a second ago began at zero, so that what its counters have is what they gained. Where
   *  this is false, one that is new says nothing yet. */
  readonly bornAtZero: boolean;
  /** What every thing of `now` gained, of counters; a subject may say it better than `gainsOf`. */
  gains?(before: Sample, now: Sample): Gains;
  sample(asked: Asked): Sample | Promise<Sample>;
  /** Frees what it holds; it is not sampled again. */
  close(): void;
}

/** By the key of the thing: what each of its counters gained. */
export type Gains = ReadonlyMap<string, Float64Array>;

export function gainsOf(
  before: Sample,
  now: Sample,
  { counters, bornAtZero }: Pick<Subject, 'counters' | 'bornAtZero'>,
): Map<string, Float64Array> {
  const gains = new Map<string, Float64Array>();
  const isWhole = bornAtZero && before.leftOut === 0;
  for (const [key, { numbers }] of now.things) {
    const earlier = before.things.get(key)?.numbers;
    if (earlier === undefined && !isWhole) continue;
    const gain = new Float64Array(counters);
    for (let i = 0; i < counters; i++) gain[i] = gained(earlier === undefined ? 0 : earlier[i]!, numbers[i]!);
    gains.set(key, gain);
  }
  return gains;
}

/** Collects the things of one sample, whose columns several files may fill. */
export class SampleBuilder {
  readonly things = new Map<string, Thing>();
  readonly #columns: number;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** The numbers of the thing, NaN where nothing wrote them; made with its fields where it is new. */
  numbersOf(key: string, fields: () => Readonly<Record<string, Literal>>): Float64Array {
    let thing = this.things.get(key);
    if (thing === undefined) {
      thing = { fields: fields(), numbers: new Float64Array(this.#columns).fill(Number.NaN) };
      this.things.set(key, thing);
    }
    return thing.numbers;
  }
}
