/** A store as it lies on disk, for tools: the rows of its files by place, and the state that holds. Reads only; a store
 *  may have the directory open meanwhile, and what it deletes is then missing here. */
import type { Kernel } from '../kernel/kernel.ts';
import type { CoverageBlock } from '../model/coverage.ts';
import { finerLevel, levelSpan } from '../model/level.ts';
import { decodeFoldState, type FoldState } from './fold-state.ts';
import type { Fold } from './fold.ts';
import type { Partition } from './partition.ts';
import { type Held, openPartition, partitionPaths } from './partitions.ts';
import { compareRows, countingRows, type Place, placeName, type SegmentRef, segmentName } from './place.ts';
import { PlaceCoverage } from './place-coverage.ts';
import { type RolledUp, rolledUp } from './roll-up.ts';
import { decodeSegment, type SegmentContent } from './segment.ts';
import { isUnmade } from './sqlite.ts';
import { restoreFold } from './restore.ts';

/** All that a place says, however it is cut into rows. */
export interface Said {
  readonly parts: readonly RolledUp[];
  readonly coverage: CoverageBlock;
}

export class StoredStore {
  readonly directory: string;
  readonly state: FoldState | undefined;
  /** By name; of each its rows in their order. */
  readonly places: ReadonlyMap<string, readonly SegmentRef[]>;
  readonly #kernel: Kernel;
  readonly #partitions: readonly Partition[];
  readonly #fold: Fold;
  readonly #pending: ReadonlySet<string>;

  /** Throws StoreDamagedError, StoreVersionError, SegmentCorruptError. */
  constructor(directory: string, kernel: Kernel) {
    this.directory = directory;
    this.#kernel = kernel;
    this.#partitions = partitionPaths(directory)
      .filter((path) => !isUnmade(path))
      .map((path) => openPartition(path, { readonly: true, onUse() {} }));
    const held = newest(this.#partitions);
    this.state = held && decodeFoldState(held.state.body);
    this.#fold = restoreFold({ kernel, owns: () => true }, held);
    this.places = rowsByPlace(this.#partitions);
    this.#pending = new Set(
      this.state?.pending?.flatMap(({ instrumentations, level, startSecond }) =>
        instrumentations.map((instrumentation) => placeName({ instrumentation, level, startSecond })),
      ),
    );
  }

  /** Rows of the place that count. */
  counting(place: Place): readonly SegmentRef[] {
    return countingRows(this.places.get(placeName(place)) ?? []).rows;
  }

  isPending(place: Place): boolean {
    return this.#pending.has(placeName(place));
  }

  isExpired({ instrumentation, level, startSecond }: Place): boolean {
    return this.#fold.isExpired(instrumentation, level, startSecond);
  }

  bytes(ref: SegmentRef): Uint8Array {
    return ref.partition.bytes(ref);
  }

  /** What the rows say together. */
  said(place: Place): Said {
    const coverage = new PlaceCoverage(place);
    const blocks = this.#blocks(this.counting(place));
    for (const block of blocks) coverage.add(block.coverage);
    return { parts: rolledUp(place, blocks, this.#kernel), coverage: coverage.block() };
  }

  /** What the finer places say of this one; undefined where one of them is past its retention or yet to be made. */
  rolledUp(place: Place): Said | undefined {
    const finer = finerLevel(place.level);
    if (finer === undefined) return undefined;
    const { instrumentation, startSecond, level } = place;
    const coverage = new PlaceCoverage(place);
    const blocks: SegmentContent[] = [];
    for (let start = startSecond; start < startSecond + levelSpan(level); start += levelSpan(finer)) {
      const inner: Place = { instrumentation, level: finer, startSecond: start };
      if (this.isExpired(inner) || (finer > 1 && this.isPending(inner))) return undefined;
      const innerCoverage = new PlaceCoverage(inner);
      for (const block of this.#blocks(this.counting(inner))) {
        innerCoverage.add(block.coverage);
        blocks.push(block);
      }
      coverage.addFiner(innerCoverage);
    }
    return { parts: rolledUp(place, blocks, this.#kernel), coverage: coverage.block() };
  }

  close(): void {
    for (const partition of this.#partitions) partition.close();
  }

  #blocks(rows: readonly SegmentRef[]): SegmentContent[] {
    return rows.map((ref) => decodeSegment(this.bytes(ref), this.#kernel, segmentName(ref)));
  }
}

function newest(partitions: readonly Partition[]): Held | undefined {
  let held: Held | undefined;
  for (const partition of partitions) {
    const state = partition.state();
    if (state !== undefined && state.generation > (held?.state.generation ?? -1)) held = { partition, state };
  }
  return held;
}

function rowsByPlace(partitions: readonly Partition[]): Map<string, SegmentRef[]> {
  const places = new Map<string, SegmentRef[]>();
  for (const ref of partitions.flatMap((partition) => partition.allSegments())) {
    const name = placeName(ref);
    const rows = places.get(name);
    if (rows === undefined) places.set(name, [ref]);
    else rows.push(ref);
  }
  for (const rows of places.values()) rows.sort(compareRows);
  return places;
}
