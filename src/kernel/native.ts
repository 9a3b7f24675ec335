/** The kernel of native/, and the choice between the two. Owns: finding the add-on, checking that it is the one
 *  this version speaks to, adapting its flat calls to `Kernel`. Does not: build it (native/install.mjs), fall
 *  back silently: a kernel that is asked for and missing is an error that says what to do.
 *  Where the add-on refuses bytes or cells, the reference is asked why: errors are the same by construction. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { assert } from '../model/assert.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import type { BucketRaster } from '../model/raster.ts';
import { type Cells, CellsBuffer } from '../model/series.ts';
import { classesCellCount } from './classes.ts';
import { type ColumnLimits, columnsCellCount } from './columns.ts';
import { type CountLines, CountLinesBuffer } from '../model/count-lines.ts';
import type { Kernel, Placed, Placement } from './kernel.ts';
import { referenceKernel } from './reference.ts';

export const KERNEL_CHOICES = ['native', 'reference'] as const;
export type KernelChoice = (typeof KERNEL_CHOICES)[number];

/** The add-on is not there, or is another version's. */
export class KernelMissingError extends Error {
  readonly code = 'KERNEL_MISSING';
  readonly path: string;
  constructor(path: string, state: string, options?: ErrorOptions) {
    super(
      `Cannot load native kernel "${path}": ${state}; build it with \`npm rebuild tailglow\` or ` +
        `\`node native/install.mjs\` (needs a C++ compiler, make and python3), or start with --kernel reference`,
      options,
    );
    this.path = path;
  }
}

/** Throws KernelMissingError. Works in worker threads: they share the code of the add-on, which has no state. */
export function loadKernel(choice: KernelChoice): Kernel {
  return choice === 'reference' ? referenceKernel : loadNativeKernel(addonPath());
}

/** Gives memory that was freed back to the system; nothing where there is no add-on, or no glibc. Takes some
 *  milliseconds. Large arrays come and go with every block that is sealed and every picture, and the C library
 *  keeps what they took for the next ones, in each thread by itself. */
export function releaseMemory(): void {
  loaded?.releaseMemory();
}

/** Loads the add-on at `path`; `loadKernel` knows the usual place. */
export function loadNativeKernel(path: string): Kernel {
  if (!existsSync(path)) throw new KernelMissingError(path, 'it is not built');
  let addon: unknown;
  try {
    addon = createRequire(import.meta.url)(path);
  } catch (cause) {
    throw new KernelMissingError(path, cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (isAddon(addon)) {
    loaded = addon;
    return adapt(addon);
  }
  const found = Object(addon) as { interfaceVersion?: unknown };
  throw new KernelMissingError(
    path,
    `expected interface version ${INTERFACE_VERSION}, found ${String(found.interfaceVersion)}`,
  );
}

const INTERFACE_VERSION = 8;
/** What cells have room for. */
const HUES_MAX = 0x10000;

const NONE = new Float64Array(0);

/** Cells as the add-on takes them. */
type FlatArrays = [step: Uint8Array, key: Uint16Array, bucket: Uint16Array, count: Float64Array];
type FlatCells = [length: number, ...FlatArrays];
type FlatLines = [length: number, key: Uint16Array, bucket: Uint16Array, count: Uint16Array];
type FlatPlacement = [columnOfStep: Int32Array, hueOfKey: Int32Array];
type FlatShape = [hues: number, columns: number, bucketFirst: number, buckets: number, counts: Float64Array];

/** native/binding.cc. */
interface Addon {
  readonly interfaceVersion: typeof INTERFACE_VERSION;
  crc32c(bytes: Uint8Array, seed: number): number;
  bucketIndices(values: Float64Array, length: number, out: Uint16Array): void;
  sortMerge(...cells: FlatCells): number;
  /** Undefined for cells that cannot be encoded. */
  encodeColumns(...cells: FlatCells): Uint8Array | undefined;
  /** Cells read, or -1 for bytes that are no columns. */
  decodeColumns(
    ...args: [bytes: Uint8Array, keys: number, buckets: number, from: number, ...FlatArrays]
  ): number;
  /** As those of columns. */
  encodeClasses(...cells: FlatCells): Uint8Array | undefined;
  decodeClasses(...args: Parameters<Addon['decodeColumns']>): number;
  /** Cells written. */
  addUp(
    ...args: [...FlatCells, ...FlatPlacement, hues: number, columns: number, from: number, ...FlatArrays]
  ): number;
  /** low * 65536 + high, or -1. */
  bucketRange(...args: [...FlatCells, ...FlatPlacement]): number;
  accumulate(
    ...args: [...FlatCells, ...FlatPlacement, ...FlatShape, under: Float64Array, over: Float64Array]
  ): void;
  /** Lines there are then; more than there is room for where nothing was written; -1 where a count is too large. */
  addLines(...args: [...FlatCells, ...FlatLines]): number;
  /** `factors` and `cells` have no members where there are to be none; `blocks`: FlatCells, FlatLines and FlatPlacement of
   *  each, one after the other. */
  rasterize(
    ...args: [
      hues: number,
      columns: number,
      bucketFirst: number,
      buckets: number,
      factors: Float64Array,
      rows: number,
      start: Int32Array,
      row: Int32Array,
      weight: Float64Array,
      partUnder: Float64Array,
      partOver: Float64Array,
      sums: Float64Array,
      strongest: Uint8Array,
      cells: Float64Array,
      under: Float64Array,
      over: Float64Array,
      blocks: readonly (number | FlatArrays[number] | FlatLines[number] | FlatPlacement[number])[],
    ]
  ): void;
  mix(
    ...args: [values: Float64Array, hues: number, cells: number, sums: Float64Array, strongest: Uint8Array]
  ): void;
  halfOctaves(sums: Float64Array, cells: number, occupied: Uint8Array): void;
  rowSums(sums: Float64Array, columns: number, rows: number, out: Float64Array): void;
  shade(
    ...args: [
      sums: Float64Array,
      strongest: Uint8Array,
      cells: number,
      levels: number,
      thresholds: Float64Array,
      out: Uint8Array,
    ]
  ): void;
  paint(
    ...args: [
      cells: Uint8Array,
      columns: number,
      rows: number,
      columnOfX: Int32Array,
      rowOfY: Int32Array,
      palette: Uint8Array,
      pixels: Uint8Array,
      from: number,
      stride: number,
    ]
  ): void;
  filterRows(pixels: Uint8Array, width: number, out: Uint8Array): void;
  deflate(bytes: Uint8Array, rowBytes: number, out: Uint8Array): number;
  releaseMemory(): void;
}

const FUNCTIONS = [
  'crc32c',
  'bucketIndices',
  'sortMerge',
  'encodeColumns',
  'decodeColumns',
  'encodeClasses',
  'decodeClasses',
  'addUp',
  'addLines',
  'bucketRange',
  'accumulate',
  'rasterize',
  'mix',
  'halfOctaves',
  'rowSums',
  'shade',
  'paint',
  'filterRows',
  'deflate',
  'releaseMemory',
] as const satisfies readonly (keyof Addon)[];

/** Of this thread. */
let loaded: Addon | undefined;

function isAddon(value: unknown): value is Addon {
  if (typeof value !== 'object' || value === null) return false;
  const members = new Map(Object.entries(value));
  if (members.get('interfaceVersion') !== INTERFACE_VERSION) return false;
  return FUNCTIONS.every((name) => typeof members.get(name) === 'function');
}

function adapt(addon: Addon): Kernel {
  return {
    name: 'native',
    crc32c: (bytes, seed = 0) => addon.crc32c(bytes, seed),
    bucketIndices: (values, length, out) => addon.bucketIndices(values, length, out),
    sortMerge: (cells) => {
      cells.length = addon.sortMerge(...flatCells(cells));
    },
    encodeColumns: (cells) =>
      addon.encodeColumns(...flatCells(cells)) ?? referenceKernel.encodeColumns(cells),
    decodeColumns: (bytes, limits, into) => {
      into.reserve(columnsCellCount(bytes));
      decode(addon, 'decodeColumns', bytes, limits, into);
    },
    encodeClasses: (cells) =>
      addon.encodeClasses(...flatCells(cells)) ?? referenceKernel.encodeClasses(cells),
    decodeClasses: (bytes, limits, into) => {
      into.reserve(classesCellCount(bytes));
      decode(addon, 'decodeClasses', bytes, limits, into);
    },
    addUp: (cells, placement, into) => {
      into.reserve(cells.length);
      const { step, key, bucket, count } = into;
      into.length += addon.addUp(
        ...flatCells(cells),
        ...flatPlacement(placement),
        HUES_MAX,
        BLOCK_STEPS,
        into.length,
        step,
        key,
        bucket,
        count,
      );
    },
    addLines: (cells, into) => addLines(addon, cells, into),
    bucketRange: (cells, placement) => {
      const packed = addon.bucketRange(...flatCells(cells), ...flatPlacement(placement));
      return packed < 0 ? [0, -1] : [packed >>> 16, packed & 0xffff];
    },
    accumulate: (cells, placement, raster) =>
      addon.accumulate(
        ...flatCells(cells),
        ...flatPlacement(placement),
        ...flatShape(raster),
        raster.under,
        raster.over,
      ),
    rasterize: (blocks, { hues, columns, bucketFirst, buckets, factors }, spread, out) =>
      addon.rasterize(
        hues,
        columns,
        bucketFirst,
        buckets,
        factors ?? NONE,
        spread.rows,
        spread.start,
        spread.row,
        spread.weight,
        spread.under,
        spread.over,
        out.mix.sums,
        out.mix.strongest,
        out.cells ?? NONE,
        out.under,
        out.over,
        blocks.flatMap(flatBlock),
      ),
    mix: (values, { hues, cells }, { sums, strongest }) => addon.mix(values, hues, cells, sums, strongest),
    halfOctaves: (sums, cells, occupied) => addon.halfOctaves(sums, cells, occupied),
    rowSums: (sums, { columns, rows }, out) => addon.rowSums(sums, columns, rows, out),
    shade: ({ sums, strongest }, { cells, levels }, thresholds, out) =>
      addon.shade(sums, strongest, cells, levels, thresholds, out),
    paint: (cells, { columns, rows, columnOfX, rowOfY }, palette, { pixels, from, stride }) =>
      addon.paint(cells, columns, rows, columnOfX, rowOfY, palette, pixels, from, stride),
    filterRows: (pixels, width, out) => addon.filterRows(pixels, width, out),
    deflate: (bytes, rowBytes, out) => addon.deflate(bytes, rowBytes, out),
  };
}

function decode(
  addon: Addon,
  name: 'decodeColumns' | 'decodeClasses',
  bytes: Uint8Array,
  limits: ColumnLimits,
  into: CellsBuffer,
): void {
  const { step, key, bucket, count } = into;
  const read = addon[name](bytes, limits.keys, limits.buckets, into.length, step, key, bucket, count);
  if (read >= 0) {
    into.length += read;
    return;
  }
  referenceKernel[name](bytes, limits, into);
  assert(false, 'the add-on refused cells that the reference reads');
}

function flatCells({ length, step, key, bucket, count }: Cells): FlatCells {
  return [length, step, key, bucket, count];
}

function flatLines({ length, key, bucket, count }: CountLines): FlatLines {
  return [length, key, bucket, count];
}

const NO_CELLS = new CellsBuffer(0);
const NO_LINES = new CountLinesBuffer();

function flatBlock(block: Placed) {
  const { cells, lines } = 'cells' in block ? { ...block, lines: NO_LINES } : { ...block, cells: NO_CELLS };
  return [...flatCells(cells), ...flatLines(lines), ...flatPlacement(block.placement)];
}

function addLines(addon: Addon, cells: Cells, into: CountLinesBuffer): boolean {
  for (;;) {
    const found = addon.addLines(...flatCells(cells), ...flatLines(into));
    if (found < 0 || found > into.linesMax) return false;
    if (found <= into.capacity) {
      into.length = found;
      return true;
    }
    into.reserve(found);
  }
}

function flatPlacement({ columnOfStep, hueOfKey }: Placement): FlatPlacement {
  return [columnOfStep, hueOfKey];
}

function flatShape({ hues, columns, bucketFirst, buckets, counts }: BucketRaster): FlatShape {
  return [hues, columns, bucketFirst, buckets, counts];
}

/** native/build/Release of this package, from src/ as from dist/src/. */
function addonPath(): string {
  const inPackage = 'native/build/Release/tailglow.node';
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (packageName(join(folder, 'package.json')) === 'tailglow') return join(folder, inPackage);
    if (dirname(folder) === folder)
      throw new KernelMissingError(inPackage, 'no folder above is the package tailglow');
  }
}

function packageName(path: string): unknown {
  if (!existsSync(path)) return undefined;
  const description: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return typeof description === 'object' && description !== null && 'name' in description
    ? description.name
    : undefined;
}
