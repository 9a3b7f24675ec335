/** The add-on itself: loading and what is said when it cannot be, arguments that do not fit, two worker threads
 *  at once, and a run of its C++ under the sanitizers. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { KernelMissingError, loadKernel, loadNativeKernel } from '../../src/kernel/native.ts';
import { newBucketRaster } from '../../src/model/raster.ts';
import { CellsBuffer } from '../../src/model/series.ts';

const root = join(import.meta.dirname, '../..');
const addon = join(root, 'native/build/Release/tailglow.node');
const native = loadKernel('native');

describe('loading', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tailglow-kernel-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('gives the kernel that was asked for', () => {
    expect(native.name).toBe('native');
    expect(loadKernel('reference').name).toBe('reference');
  });

  const missing = (path: string): KernelMissingError => {
    try {
      loadNativeKernel(path);
    } catch (error) {
      if (error instanceof KernelMissingError) return error;
    }
    throw new Error(`"${path}" was loaded, or failed in another way`);
  };

  it('says what to do when the add-on is missing', () => {
    const error = missing(join(folder, 'none.node'));
    expect(error.code).toBe('KERNEL_MISSING');
    expect(error.message).toContain('none.node": it is not built; build it with');
    expect(error.message).toContain('--kernel reference');
  });

  it('refuses a file that is no add-on', () => {
    const path = join(folder, 'broken.node');
    writeFileSync(path, 'not a library');
    expect(missing(path).cause).toBeInstanceOf(Error);
  });

  it('refuses an add-on of another interface version', () => {
    const path = join(folder, 'other.cjs');
    writeFileSync(path, 'module.exports = { interfaceVersion: 7 };');
    expect(missing(path).message).toMatch(/expected interface version \d+, found 7/);
  });
});

describe('arguments that do not fit', () => {
  const cells = new CellsBuffer(4);
  cells.push(1, 1, 1, 1);
  const placement = { columnOfStep: new Int32Array(256), hueOfKey: new Int32Array(4) };
  const raster = newBucketRaster({ hues: 1, columns: 1, bucketFirst: 0, buckets: 4 });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', 'bytes'],
    ['an array', [1, 2]],
    ['an ArrayBuffer', new ArrayBuffer(8)],
    ['a DataView', new DataView(new ArrayBuffer(8))],
    ['another type', new Int8Array(8)],
    ['shared memory', new Uint8Array(new SharedArrayBuffer(8))],
  ])('%s for bytes is a TypeError', (_what, bytes) => {
    expect(() => native.crc32c(bytes as Uint8Array)).toThrow(TypeError);
  });

  it('a wrong type deep in a call is a TypeError', () => {
    const floats = { ...raster, counts: new Float32Array(4) as unknown as Float64Array };
    expect(() => native.accumulate(cells, placement, floats)).toThrow(/raster.counts.*Float64Array/);
    expect(() => native.accumulate(cells, placement, { ...raster, hues: '1' as unknown as number })).toThrow(
      TypeError,
    );
  });

  it('a detached array is empty, so a RangeError', () => {
    const counts = new Float64Array(4);
    structuredClone(counts.buffer, { transfer: [counts.buffer] });
    expect(() => native.accumulate(cells, placement, { ...raster, counts })).toThrow(RangeError);
  });

  it('an array that is written must not overlap another', () => {
    const memory = new ArrayBuffer(4096);
    const counts = new Float64Array(memory, 0, 4);
    const columnOfStep = new Int32Array(memory, 16, 256);
    expect(() => native.accumulate(cells, { ...placement, columnOfStep }, { ...raster, counts })).toThrow(
      /overlaps/,
    );
    const apart = new Int32Array(memory, 32, 256);
    native.accumulate(cells, { ...placement, columnOfStep: apart }, { ...raster, counts });
    expect([...counts]).toEqual([0, 1, 0, 0]);
  });

  it('too few arguments are a TypeError', () => {
    expect(() =>
      (native.shade as unknown as (rows: Float64Array, shape: object) => void)(new Float64Array(1), {}),
    ).toThrow(TypeError);
  });
});

/** Some of what the add-on exports, as it stands in native/binding.cc. */
interface Library {
  sortMerge(length: number, ...arrays: unknown[]): number;
  encodeColumns(length: number, ...arrays: unknown[]): Uint8Array;
  decodeColumns(bytes: Uint8Array, keys: number, buckets: number, from: number, ...arrays: unknown[]): number;
  encodeClasses(length: number, ...arrays: unknown[]): Uint8Array;
  decodeClasses(bytes: Uint8Array, keys: number, buckets: number, from: number, ...arrays: unknown[]): number;
  crc32c(bytes: Uint8Array, seed: number): number;
}

/** Sorts, encodes and reads back pseudo-random cells, over and over: the same digest wherever it runs. Plain
 *  JavaScript with nothing around it, so that a worker runs the same text. */
function grind(library: Library, rounds: number): string {
  const n = 5000;
  const step = new Uint8Array(n);
  const key = new Uint16Array(n);
  const bucket = new Uint16Array(n);
  const count = new Float64Array(n);
  let state = 1;
  let digest = 0;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < n; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      step[i] = state >>> 24;
      key[i] = (state >>> 8) % 7;
      bucket[i] = (state >>> 4) % 1568;
      count[i] = 1 + (state % 100);
    }
    const length = library.sortMerge(n, step, key, bucket, count);
    const bytes = library.encodeColumns(length, step, key, bucket, count);
    const read = library.decodeColumns(bytes, 7, 1568, 0, step, key, bucket, count);
    const classes = library.encodeClasses(read, step, key, bucket, count);
    const again = library.decodeClasses(classes, 7, 1568, 0, step, key, bucket, count);
    digest = library.crc32c(classes, library.crc32c(bytes, digest));
    if (read !== length || again !== length) return `read ${read} and ${again} of ${length}`;
  }
  return digest.toString(16);
}

describe('worker threads', () => {
  it('share the add-on, two at once', async () => {
    const expected = grind(createRequire(import.meta.url)(addon) as Library, 20);
    const code = `const { parentPort, workerData } = require('node:worker_threads');
      const library = require(workerData);
      parentPort.postMessage((${grind.toString()})(library, 20));`;
    const run = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const worker = new Worker(code, { eval: true, workerData: addon });
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    expect(await Promise.all([run(), run()])).toEqual([expected, expected]);
  });
});

describe('the C++', () => {
  it('runs clean under the address and undefined-behaviour sanitizers', { timeout: 300_000 }, () => {
    const { status, stdout, stderr } = spawnSync(join(root, 'native/sanitize.sh'), { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('rounds under the sanitizers');
  });
});
