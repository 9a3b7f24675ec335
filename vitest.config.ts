import { defineConfig } from 'vitest/config';

/** unit: pure and in-process, quick. slow: the same, but thousands of runs, crash points, children: some seconds a
 *  file. system: real processes, broker and browser, one file at a time, from dist/. */
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
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
