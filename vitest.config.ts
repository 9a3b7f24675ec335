import { defineConfig } from 'vitest/config';

/** System tests that wait for processes more than they compute, that measure no time, and whose ports and files are
 *  their own: two at once. A file not named here runs by itself. */
const BESIDE_OTHERS = [
  'as-of',
  'ecosystem',
  'full-disk',
  'import-export',
  'kill',
  'library-docs',
  'log-amqp',
  'otlp',
  'otlp-kill',
  'package',
  'prometheus',
  'replay',
  'serve-amqp',
  'store-kill',
].map((name) => `test/system/${name}.test.ts`);

/** unit: pure and in-process, quick. slow: the same, but thousands of runs, crash points, children: some seconds a
 *  file. Then real processes, broker and browser, from dist/: beside, some files at once; system, one at a time. */
export default defineConfig({
  test: {
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles: ['test/seed.ts'],
          include: ['test/**/*.test.ts'],
          exclude: ['test/system/**', '**/*.slow.test.ts'],
          testTimeout: 20_000,
          isolate: false,
        },
      },
      {
        test: {
          name: 'slow',
          setupFiles: ['test/seed.ts'],
          include: ['test/**/*.slow.test.ts'],
          exclude: ['test/system/**'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'beside',
          include: BESIDE_OTHERS,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          exclude: BESIDE_OTHERS,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
