/** The space budget: what a directory that is too large gives up, and what it never does. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logFilePath } from '../../src/log/log-directory.ts';
import { type Level, LEVELS, levelSpan } from '../../src/model/level.ts';
import type { AggregatorClient, AggregatorStatus } from '../../src/service/answer.ts';
import { nextStep, type SpaceSizes, type SpaceView, totalBytes } from '../../src/service/space.ts';
import { SpaceKeeper, type SpaceReport } from '../../src/service/space-keeper.ts';
import { ManualClock, settle } from '../arbitrary/manual-clock.ts';

const NOW = 1_800_000_000;
const HOUR = 3600;

interface StoredBlock {
  readonly level: Level;
  readonly startSecond: number;
  readonly bytes: number;
  readonly pinned: boolean;
}

/** A data directory as numbers, which does what a step says. */
class Directory {
  blocks: readonly StoredBlock[];
  /** Sizes of the log's files; file i holds entries i * 100 to (i + 1) * 100. */
  logFiles: readonly { readonly first: number; readonly bytes: number }[];
  readonly covered: number;

  constructor(blocks: readonly StoredBlock[], logFiles: readonly number[], covered: number) {
    this.blocks = blocks;
    this.logFiles = logFiles.map((bytes, i) => ({ first: i * 100, bytes }));
    this.covered = covered;
  }

  get sizes(): SpaceSizes {
    const sum = (parts: readonly { bytes: number }[]): number => parts.reduce((n, { bytes }) => n + bytes, 0);
    return { log: sum(this.logFiles), spool: 0, store: sum(this.blocks) };
  }

  view(budgetBytes: number): SpaceView {
    const oldest = new Map<Level, number>();
    for (const { level, startSecond, pinned } of this.blocks) {
      if (!pinned) oldest.set(level, Math.min(startSecond, oldest.get(level) ?? startSecond));
    }
    return {
      budgetBytes,
      sizes: this.sizes,
      spareLogFiles: this.logFiles.flatMap(({ bytes }, i) => {
        const untilOffset = this.logFiles[i + 1]?.first;
        return untilOffset === undefined || untilOffset > this.covered ? [] : [{ untilOffset, bytes }];
      }),
      oldest,
      agoSeconds: 300,
      nowSecond: NOW,
    };
  }

  trim(offset: number): void {
    this.logFiles = this.logFiles.filter((_, i) => (this.logFiles[i + 1]?.first ?? Infinity) > offset);
  }

  reclaim(level: Level, untilSecond: number): void {
    this.blocks = this.blocks.filter(
      (b) => b.pinned || b.level !== level || b.startSecond + levelSpan(level) > untilSecond,
    );
  }
}

const arbitraryBlock = fc.constantFrom(...LEVELS).chain((level) =>
  fc.record({
    level: fc.constant(level),
    startSecond: fc.integer({ min: 0, max: 60 }).map((back) => {
      const newest = NOW - (NOW % levelSpan(level));
      return Math.max(0, newest - back * levelSpan(level));
    }),
    bytes: fc.integer({ min: 1, max: 1000 }),
    pinned: fc.boolean(),
  }),
);

const arbitraryDirectory = fc
  .record({
    blocks: fc.array(arbitraryBlock, { maxLength: 60 }),
    logFiles: fc.array(fc.integer({ min: 1, max: 2000 }), { maxLength: 8 }),
    covered: fc.nat(900),
  })
  .map(
    ({ blocks, logFiles, covered }) =>
      () =>
        new Directory(blocks, logFiles, covered),
  );

const mayGo = ({ level, startSecond, pinned }: StoredBlock): boolean =>
  !pinned && startSecond + levelSpan(level) <= NOW - HOUR;

describe('the steps of a directory that is too large', () => {
  it('end within the budget, or with nothing left that may go', () => {
    fc.assert(
      fc.property(arbitraryDirectory, fc.nat(20_000), (make, budgetBytes) => {
        const directory = make();
        for (let steps = 0; ; steps++) {
          expect(steps).toBeLessThan(2000);
          const before = directory.sizes;
          const step = nextStep(directory.view(budgetBytes));
          if (step.kind === 'none') {
            expect(totalBytes(before)).toBeLessThanOrEqual(budgetBytes);
            break;
          }
          expect(totalBytes(before)).toBeGreaterThan(budgetBytes);
          if (step.kind === 'nothing-left') {
            expect(directory.blocks.filter(mayGo)).toEqual([]);
            break;
          }
          if (step.kind === 'trim') {
            expect(before.log).toBeGreaterThan(budgetBytes / 2);
            expect(step.offset).toBeLessThanOrEqual(directory.covered);
            directory.trim(step.offset);
            expect(directory.sizes.log).toBeLessThan(before.log);
          } else if (step.kind === 'reclaim') {
            expect(step.untilSecond).toBeLessThanOrEqual(NOW - HOUR);
            const finer = directory.blocks.filter((b) => b.level < step.level && mayGo(b));
            expect(finer).toEqual([]);
            directory.reclaim(step.level, step.untilSecond);
            expect(directory.sizes.store).toBeLessThan(before.store);
          }
        }
      }),
    );
  });

  it('give up the log before what is answered from it, and no more of it than they must', () => {
    fc.assert(
      fc.property(arbitraryDirectory, fc.nat(20_000), (make, budgetBytes) => {
        const directory = make();
        const view = directory.view(budgetBytes);
        const step = nextStep(view);
        const spare = view.spareLogFiles.length > 0;
        const tooMuchLog = view.sizes.log > budgetBytes / 2 && totalBytes(view.sizes) > budgetBytes;
        expect(step.kind === 'trim').toBe(spare && tooMuchLog);
        if (step.kind !== 'trim') return;
        const last = view.spareLogFiles.find((file) => file.untilOffset === step.offset)!;
        directory.trim(step.offset);
        const { log } = directory.sizes;
        const oneLess = { ...directory.sizes, log: log + last.bytes };
        expect(oneLess.log > budgetBytes / 2 && totalBytes(oneLess) > budgetBytes).toBe(true);
      }),
    );
  });

  it('wait for the effect of the one before, for a while', () => {
    const directory = new Directory(
      [{ level: 1, startSecond: NOW - (NOW % 256) - 256_000, bytes: 100, pinned: false }],
      [],
      0,
    );
    expect(nextStep({ ...directory.view(50), agoSeconds: 299 })).toEqual({ kind: 'wait' });
    expect(nextStep({ ...directory.view(50), agoSeconds: 300 }).kind).toBe('reclaim');
  });
});

describe('the keeper of a directory', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tailglow-space-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function file(path: string, bytes: number): void {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), '');
    truncateSync(join(directory, path), bytes);
  }

  async function kept(budgetBytes: number, oldestSecond?: number) {
    const levels = [{ level: 1, segments: 1, bytes: 1, ...(oldestSecond && { oldestSecond }) }];
    const status = { kind: 'status', trimOffset: 500, stats: { levels } } as unknown as AggregatorStatus;
    const aggregator: AggregatorClient = {
      ask: () => Promise.resolve(status),
      close: () => Promise.resolve(),
    };
    const took: unknown[] = [];
    const clock = new ManualClock(NOW * 1000);
    const keeper = new SpaceKeeper({
      directory,
      budgetBytes,
      aggregators: [aggregator],
      catalogueOffset: () => 450,
      writer: { trim: (offset) => Promise.resolve(void took.push({ offset })) },
      reclaim: (level, untilSecond) => Promise.resolve(void took.push({ level, untilSecond })),
      clock,
      onNotice: (line) => took.push(line),
    });
    while (keeper.report === undefined) await settle();
    const atOnce = took.length;
    for (let looks = 0; looks < 31; looks++) {
      const before: SpaceReport | undefined = keeper.report;
      await clock.advance(10_000);
      while (keeper.report === before) await settle();
    }
    await keeper.close();
    return { keeper, took, atOnce };
  }

  it('counts the files of log, spool and stores', async () => {
    file('log/0000000000000000.tglog', 100);
    file('spool/1', 20);
    file('aggregator-0/segments-2026-11-23.db', 3000);
    file('aggregator-0/segments-2026-11-23.db-wal', 500);
    file('catalogue.db', 4);
    const { keeper, took } = await kept(10_000);
    expect(keeper.report?.sizes).toEqual({ log: 100, spool: 20, store: 3504 });
    expect(took).toEqual([]);
    expect(keeper.check()).toMatchObject({
      ok: true,
      detail: expect.stringContaining('3.54 KiB of 9.77 KiB'),
    });
  });

  it('trims what every fold is past', async () => {
    for (let i = 0; i < 6; i++) file(logFilePath('log', i * 100), 1000);
    const { took } = await kept(3000);
    expect(took[0]).toEqual({ offset: 300 });
  });

  it('has seconds given up once the log is small', async () => {
    file('aggregator-0/segments-2026-11-23.db', 5000);
    const oldest = NOW - 3 * 86_400 - ((NOW - 3 * 86_400) % 256);
    const { took, keeper, atOnce } = await kept(3000, oldest);
    expect(atOnce).toBe(0);
    expect(took[0]).toEqual({ level: 1, untilSecond: oldest - (oldest % 86_400) + 86_400 });
    expect(keeper.report?.steps).toBe(1);
  });

  it('says so when nothing is left that may go', async () => {
    file('aggregator-0/segments-2026-11-23.db', 5000);
    const { took, keeper } = await kept(3000);
    expect(keeper.check()).toMatchObject({
      ok: false,
      detail: expect.stringContaining('only the newest hour and pinned ranges are left'),
    });
    expect(took).toHaveLength(1);
  });
});
