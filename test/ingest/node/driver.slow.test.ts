import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { encodeBatch } from '../../../src/model/batch.ts';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DriverSink, EncodedBatch } from '../../../src/ingest/driver.ts';
import { NodeDriver, PROGRAMS_MAX } from '../../../src/ingest/node/driver.ts';
import { encodeFrame, FRAME_BYTES_MAX } from '../../../src/ingest/node/wire.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { COUNT } from '../../../src/model/grid.ts';
import type { Instrumentation } from '../../../src/model/instrumentation.ts';
import { withDirectory } from '../temporary-directory.ts';
import { ManualClock } from '../../arbitrary/manual-clock.ts';
import { emptyReport, eventually, TestProgram } from './test-program.ts';

const instrumentation: Instrumentation = {
  id: 'a',
  metric: 'http.requests',
  by: ['route'],
  grid: COUNT,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 60,
  idleSeconds: 0,
  createdSecond: 0,
};

interface World {
  readonly driver: NodeDriver;
  readonly path: string;
  readonly late: EncodedBatch[];
  readonly offline: [string, number][];
  readonly notes: string[];
  /** A program that is attached and measures `a` since `sinceSecond`. */
  readonly attach: (
    sinceSecond: number,
    app?: string,
    pid?: number,
    incarnation?: string,
  ) => Promise<TestProgram>;
}

async function inWorld(use: (world: World) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const path = join(directory, 'sockets', 'node.sock');
    const driver = new NodeDriver({ host: 'h', socketPath: path, clock: systemClock });
    const late: EncodedBatch[] = [];
    const offline: [string, number][] = [];
    const notes: string[] = [];
    const sink: DriverSink = {
      late: (batches) => late.push(...batches),
      offline: ({ driver: name }, second) => offline.push([name, second]),
      note: (text) => notes.push(text),
    };
    await driver.start(sink);
    const programs: TestProgram[] = [];
    const attach: World['attach'] = async (sinceSecond, app, pid, incarnation) => {
      const program = new TestProgram(path, app, pid, incarnation);
      programs.push(program);
      program.hello();
      program.enabled('a', sinceSecond);
      await eventually(() => program.heard.some(({ kind }) => kind === 'wanted'), 'attached');
      await driver.enable(instrumentation);
      return program;
    };
    await use({ driver, path, late, offline, notes, attach });
    await driver.close();
    for (const program of programs) program.socket.destroy();
  });
}

const said = (batches: readonly EncodedBatch[]): [string, number, number][] =>
  batches.map(({ source, sequence, second }) => [source.driver, sequence, second]);

describe('the node driver', () => {
  it('greets a program with what is wanted, and tells it when that changes', async () => {
    await inWorld(async ({ driver, path }) => {
      await driver.enable(instrumentation);
      const program = new TestProgram(path);
      program.hello();
      await eventually(() => program.heard.length === 2, 'greeting');
      expect(program.heard).toEqual([
        { kind: 'welcome', version: 1, host: 'h' },
        { kind: 'wanted', instrumentations: [instrumentation], whole: false },
      ]);
      expect(driver.states('a')).toEqual([
        { source: `h/node:shop[${process.pid}]`, state: { state: 'enabling' } },
      ]);
      program.enabled('a', 5);
      await eventually(() => driver.states('a')[0]!.state.state === 'enabled', 'state');
      await driver.disable('a');
      await eventually(() => program.heard.length === 3, 'change');
      expect(program.heard[2]).toEqual({ kind: 'wanted', instrumentations: [], whole: false });
      expect(driver.states('a')).toEqual([]);
      program.socket.destroy();
    });
  });

  it('lets programs go on with what they measure until it has been told what lives', async () => {
    await withDirectory(async (directory) => {
      const clock = new ManualClock(1_000_000_000);
      const path = join(directory, 'node.sock');
      const driver = new NodeDriver({ host: 'h', socketPath: path, clock });
      await driver.start({ late: () => {}, offline: () => {}, note: () => {} });
      const program = new TestProgram(path);
      program.hello();
      program.enabled('old', 5);
      await eventually(() => program.heard.length === 2, 'greeting');
      await clock.advance(6_000);
      await eventually(() => program.heard.length === 3, 'all');
      expect(program.heard.slice(1)).toEqual([
        { kind: 'wanted', instrumentations: [], whole: false },
        { kind: 'wanted', instrumentations: [], whole: true },
      ]);
      program.socket.destroy();
      await driver.close();
    });
  });

  it('enables when all attached programs have said so, and says a failure for each', async () => {
    await inWorld(async ({ driver, path }) => {
      const programs = ['one', 'two'].map((app) => new TestProgram(path, app));
      for (const program of programs) program.hello();
      await eventually(() => driver.sources().length === 2, 'attached');
      const enabling = driver.enable(instrumentation);
      programs[0]!.enabled('a', 9);
      programs[1]!.say({ kind: 'state', id: 'a', state: { state: 'failed', reason: 'no' } });
      await enabling;
      expect(
        driver
          .states('a')
          .map(({ state }) => state.state)
          .toSorted(),
      ).toEqual(['enabled', 'failed']);
      for (const program of programs) program.socket.destroy();
    });
  });

  it('collects a second as soon as every program has delivered it, and acknowledges what is safe', async () => {
    await inWorld(async ({ driver, attach }) => {
      const [one, two] = [await attach(10, 'one'), await attach(10, 'two')];
      one.batch(0, 10);
      const before = performance.now();
      setTimeout(() => two.batch(0, 10), 60);
      const { batches, awaited } = await driver.collect(10);
      expect(performance.now() - before).toBeLessThan(280);
      expect(awaited).toEqual([]);
      expect(said(batches)).toEqual([
        [`node:one[${process.pid}]`, 0, 10],
        [`node:two[${process.pid}]`, 0, 10],
      ]);
      expect([...batches[0]!.bytes]).toEqual([...one.batchBytes(0, 10)]);
      batches[0]!.onSafe!();
      await eventually(() => one.acknowledged().length === 1, 'acknowledged');
      expect(two.acknowledged()).toEqual([]);
    });
  });

  it('lets who is late follow, and waits no more for who is stuck', async () => {
    await inWorld(async ({ driver, attach, late }) => {
      const [one, two] = [await attach(10, 'one'), await attach(10, 'two')];
      const waits: number[] = [];
      for (let second = 10; second < 16; second++) {
        one.batch(second - 10, second);
        await eventually(() => driver.sources()[0]!.lastSecond === second, 'delivered');
        const before = performance.now();
        const { batches, awaited } = await driver.collect(second);
        waits.push(performance.now() - before);
        expect(said(batches)).toEqual([[`node:one[${process.pid}]`, second - 10, second]]);
        if (second < 14) expect(awaited).toEqual([`h/node:two[${process.pid}]`]);
      }
      expect(waits[0]!).toBeGreaterThan(250);
      expect(waits[5]!).toBeLessThan(250);
      two.batch(0, 10);
      await eventually(() => late.length === 1, 'late');
      expect(said(late)).toEqual([[`node:two[${process.pid}]`, 0, 10]]);
    });
  });

  it('holds a batch that comes before its second is asked for', async () => {
    await inWorld(async ({ driver, attach, late }) => {
      const program = await attach(10);
      for (const [sequence, second] of [
        [0, 9],
        [1, 10],
        [2, 11],
      ] as const)
        program.batch(sequence, second);
      await eventually(() => driver.sources()[0]!.lastSecond === 11, 'delivered');
      expect(said((await driver.collect(10)).batches).map(([, , second]) => second)).toEqual([9, 10]);
      expect(said((await driver.collect(11)).batches).map(([, , second]) => second)).toEqual([11]);
      expect(late).toEqual([]);
    });
  });

  it('acknowledges to the connection that a program has now', async () => {
    await inWorld(async ({ driver, attach, notes }) => {
      const first = await attach(10);
      first.batch(0, 10);
      const { batches } = await driver.collect(10);
      const second = await attach(10);
      await eventually(() => first.closed, 'the older connection is cut');
      expect(notes.some((note) => note.includes('attached again'))).toBe(true);
      batches[0]!.onSafe!();
      await eventually(() => second.acknowledged().length === 1, 'acknowledged');
    });
  });

  it('says that a program ended in good order, or that its process is gone, and nothing of one that lives', async () => {
    await inWorld(async ({ driver, attach, offline }) => {
      const gone = 2 ** 22 + 1; // above any process number that Linux gives
      const [good, dead, alive] = [
        await attach(10, 'good'),
        await attach(10, 'dead', gone),
        await attach(10, 'alive'),
      ];
      for (const program of [good, dead, alive]) program.batch(0, 10);
      await driver.collect(10);
      good.say({ kind: 'bye' });
      for (const program of [good, dead, alive]) program.socket.end();
      await eventually(() => offline.length === 2, 'offline');
      expect(offline[0]).toEqual([`node:good[${process.pid}]`, 11]);
      expect(offline[1]![0]).toBe(`node:dead[${gone}]`);
      expect(offline[1]![1]).toBeGreaterThan(1_000_000);
      expect(driver.sources()).toEqual([]);
    });
  });

  it.each<[string, (program: TestProgram) => void, string]>([
    [
      'an unknown version',
      (p) =>
        p.say({
          kind: 'hello',
          version: 99,
          app: 'x',
          pid: 1,
          thread: 0,
          incarnation: '0011223344556677',
        }),
      'version is 99',
    ],
    ['a batch before hello', (p) => p.batch(0, 1), 'out of order'],
    ['two hellos', (p) => (p.hello(), p.hello()), 'out of order'],
    [
      'a message of the other side',
      (p) => p.socket.write(encodeFrame({ kind: 'ack', sequence: 1 })),
      'not for the instrumenter',
    ],
    [
      'a batch of another program',
      (p) => (p.hello(), new TestProgramBatch(p).of('node:other[1]')),
      'expected "h/node:shop',
    ],
    [
      'a batch of another host',
      (p) => (p.hello(), new TestProgramBatch(p).of('node:shop[1]', 'other')),
      'expected "h/node:shop',
    ],
    [
      'a batch that is none',
      (p) => (p.hello(), p.say({ kind: 'batch', bytes: new Uint8Array(50) })),
      'checksum differs',
    ],
    [
      'rows that are none',
      (p) => (p.hello(), p.say({ kind: 'batch', bytes: strayBucket(p) })),
      'bucket is 5, expected below 1',
    ],
    ['a frame without end', (p) => p.socket.write(Buffer.from([255, 255, 255, 255, 5])), 'expected 1..'],
    ['garbage', (p) => p.socket.write('GET / HTTP/1.1\r\n\r\n'), 'its length is'],
  ])('cuts a peer that sends %s, and nothing else suffers', async (_name, send, reason) => {
    await inWorld(async ({ driver, path, notes, attach }) => {
      const good = await attach(10, 'good');
      const bad = new TestProgram(path);
      send(bad);
      await eventually(() => bad.closed, 'cut');
      await eventually(() => notes.length > 0, 'noted');
      expect(notes.join()).toContain(reason);
      good.batch(0, 10);
      expect(said((await driver.collect(10)).batches)).toEqual([[`node:good[${process.pid}]`, 0, 10]]);
    });
  });

  it('survives any bytes, in any pieces', async () => {
    await inWorld(async ({ driver, path, attach }) => {
      const good = await attach(10, 'good');
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.tuple(fc.integer({ min: 0, max: 10 }), fc.uint8Array({ maxLength: 100 })).map(([kind, body]) => {
          const frame = Buffer.concat([Buffer.alloc(5), body]);
          frame.writeUInt32LE(body.length + 1, 0);
          frame[4] = kind;
          return frame;
        }),
        fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]) => {
          const frame = Buffer.from(encodeFrame({ kind: 'batch', bytes: good.batchBytes(0, 10) }));
          frame[at % frame.length] = byte;
          return frame;
        }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(bytes, { maxLength: 5 }), fc.boolean(), async (pieces, greets) => {
          const bad = new TestProgram(path, 'bad', 1);
          if (greets) bad.hello();
          for (const piece of pieces) bad.socket.write(piece);
          await new Promise((resolve) => bad.socket.end(() => resolve(undefined)));
          bad.socket.destroy();
        }),
        { numRuns: 150 },
      );
      good.batch(0, 10);
      const own = said((await driver.collect(10)).batches).filter(([name]) => name.includes('good'));
      expect(own).toEqual([[`node:good[${process.pid}]`, 0, 10]]);
    });
  });

  it('has room for so many programs and no more', async () => {
    await inWorld(async ({ driver, path }) => {
      const programs = Array.from({ length: PROGRAMS_MAX + 3 }, (_, i) => new TestProgram(path, `p${i}`));
      for (const program of programs) program.hello();
      await eventually(() => programs.filter((p) => p.closed).length === 3, 'turned away');
      await eventually(() => driver.sources().length === PROGRAMS_MAX, 'attached');
      for (const program of programs) program.socket.destroy();
    });
  });

  it('cuts a peer that does not read what it is told', async () => {
    await inWorld(async ({ driver, path }) => {
      const deaf = new TestProgram(path);
      deaf.hello();
      await eventually(() => driver.sources().length === 1, 'attached');
      deaf.socket.pause();
      const where = { op: 'in' as const, field: 'route', values: ['x'.repeat(FRAME_BYTES_MAX)] };
      for (let i = 0; i < 24; i++)
        void driver.enable({ ...instrumentation, id: 'a', where, createdSecond: i });
      await eventually(() => driver.sources().length === 0, 'cut');
      deaf.socket.destroy();
    });
  });
});

describe('the socket of the node driver', () => {
  const started = async (path: string): Promise<NodeDriver> => {
    const driver = new NodeDriver({ host: 'h', socketPath: path, clock: systemClock });
    await driver.start({ late: () => {}, offline: () => {}, note: () => {} });
    return driver;
  };

  it('lies in a directory of this user alone, and goes when the driver closes', async () => {
    await withDirectory(async (directory) => {
      const driver = await started(join(directory, 'own', 'node.sock'));
      expect((await stat(join(directory, 'own'))).mode & 0o777).toBe(0o700);
      await driver.close();
      expect(await readdir(join(directory, 'own'))).toEqual([]);
    });
  });

  it('takes the place of one that a killed process left, and not of one in use', async () => {
    await withDirectory(async (directory) => {
      const path = join(directory, 'node.sock');
      const first = await started(path);
      await expect(started(path)).rejects.toMatchObject({
        code: 'SOCKET',
        message: expect.stringContaining('another instrumenter does'),
      });
      await first.close();
      // A file in its place stands for a socket without a listener: bind finds the name taken, connect is refused.
      await writeFile(path, '');
      const second = await started(path);
      const program = new TestProgram(path);
      await eventually(() => program.heard.length === 1, 'welcome');
      program.socket.destroy();
      await second.close();
    });
  });

  it('says clearly that a path is too long, or no place', async () => {
    await withDirectory(async (directory) => {
      const long = join(directory, 'x'.repeat(120));
      await expect(started(long)).rejects.toMatchObject({
        code: 'SOCKET',
        message: expect.stringMatching(/has \d+ bytes, expected at most 107/),
      });
      await writeFile(join(directory, 'file'), '');
      await expect(started(join(directory, 'file', 'node.sock'))).rejects.toMatchObject({ code: 'SOCKET' });
    });
  });

  it('is refused in a default directory that others may write', async () => {
    await withDirectory(async (directory) => {
      const before = process.env['TMPDIR'];
      process.env['TMPDIR'] = directory;
      try {
        const { defaultSocketPath } = await import('../../../src/ingest/node/socket-path.ts');
        const path = defaultSocketPath();
        await mkdir(join(path, '..'), { mode: 0o777 });
        await chmod(join(path, '..'), 0o777);
        await expect(started(path)).rejects.toMatchObject({
          message: expect.stringContaining("is not this user's alone"),
        });
        await chmod(join(path, '..'), 0o700);
        await (await started(path)).close();
      } finally {
        if (before === undefined) delete process.env['TMPDIR'];
        else process.env['TMPDIR'] = before;
      }
    });
  });
});

/** Sends batches that are whole, but not the program's own. */
class TestProgramBatch {
  readonly #program: TestProgram;
  constructor(program: TestProgram) {
    this.#program = program;
  }
  of(driver: string, host = 'h'): void {
    const { incarnation } = this.#program;
    const bytes = encodeBatch({ source: { host, driver, incarnation }, sequence: 0, second: 1, reports: [] });
    this.#program.say({ kind: 'batch', bytes });
  }
}

/** Whole to its checksum, but with a bucket that its grid has not. */
function strayBucket(program: TestProgram): Uint8Array {
  const rows = [{ key: ['/'], histogram: { buckets: [5], counts: [1] } }];
  return program.batchBytes(0, 1, [{ ...emptyReport, rows }]);
}
