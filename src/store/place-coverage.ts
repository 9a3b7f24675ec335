/** Who was expected and who reported in one place, put together from all that is said of it. Pure.
 *  The rules:
 *  - of seconds: a source reported where any row says so.
 *  - of coarser steps: where several rows speak of a source's step, the latest knows best: it was worked out from
 *    all that was known then (late-coverage.ts).
 *  - a coarser step is expected where any finer one was, and reported where all that were expected were. */
import { type CoverageBlock, emptyBits, hasBit, type SecondBits, setBit } from '../model/coverage.ts';
import type { Level } from '../model/level.ts';
import { BLOCK_STEPS, SOURCES_MAX } from '../model/limits.ts';

interface Source {
  readonly expected: SecondBits;
  /** Expected and not reported. */
  readonly missed: SecondBits;
}

export class PlaceCoverage {
  readonly startSecond: number;
  readonly level: Level;
  /** Past SOURCES_MAX no more are taken. */
  readonly #sources = new Map<string, Source>();
  readonly #revised = emptyBits();

  constructor({ startSecond, level }: { readonly startSecond: number; readonly level: Level }) {
    this.startSecond = startSecond;
    this.level = level;
  }

  /** What the next row says of the place; rows come in their order. */
  add({ sources, revised }: CoverageBlock): void {
    addBits(this.#revised, revised);
    for (const { name, expected, reported } of sources) {
      const source = this.#source(name);
      if (source === undefined) continue;
      for (let i = 0; i < expected.length; i++) {
        const said = expected[i]! | reported[i]!;
        const before = source.expected[i]!;
        const reportedBefore = before & ~source.missed[i]!;
        const reportedNow =
          this.level === 1 ? reportedBefore | reported[i]! : (reportedBefore & ~said) | reported[i]!;
        source.expected[i] = before | said;
        source.missed[i] = (before | said) & ~reportedNow;
      }
    }
  }

  /** All that is known of a finer place within this one. */
  addFiner(finer: PlaceCoverage): void {
    const stepOf = (step: number): number =>
      Math.floor((finer.startSecond + step * finer.level - this.startSecond) / this.level);
    for (const [name, { expected, missed }] of finer.#sources) {
      const source = this.#source(name);
      if (source === undefined) continue;
      for (let step = 0; step < BLOCK_STEPS; step++) {
        if (!hasBit(expected, step)) continue;
        setBit(source.expected, stepOf(step));
        if (hasBit(missed, step)) setBit(source.missed, stepOf(step));
      }
    }
    for (let step = 0; step < BLOCK_STEPS; step++) {
      if (hasBit(finer.#revised, step)) setBit(this.#revised, stepOf(step));
    }
  }

  expects(name: string, step: number): boolean {
    const source = this.#sources.get(name);
    return source !== undefined && hasBit(source.expected, step);
  }

  misses(name: string, step: number): boolean {
    const source = this.#sources.get(name);
    return source !== undefined && hasBit(source.missed, step);
  }

  block(): CoverageBlock {
    const sources = [...this.#sources].map(([name, { expected, missed }]) => ({
      name,
      expected,
      reported: expected.map((byte, i) => byte & ~missed[i]!),
    }));
    return {
      startSecond: this.startSecond,
      stepSeconds: this.level,
      sources: sources
        .filter(({ expected }) => expected.some((byte) => byte !== 0))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      revised: this.#revised,
    };
  }

  #source(name: string): Source | undefined {
    let source = this.#sources.get(name);
    if (source === undefined && this.#sources.size < SOURCES_MAX) {
      source = { expected: emptyBits(), missed: emptyBits() };
      this.#sources.set(name, source);
    }
    return source;
  }
}

function addBits(target: SecondBits, source: SecondBits): void {
  for (let i = 0; i < target.length; i++) target[i]! |= source[i]!;
}
