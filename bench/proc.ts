/** Question: what does a second of the proc driver cost?
 *  Command: npm run bench -- proc
 *  All that the kernel tells of the whole system is read from this machine's own /proc, then counted by every field of
 *  every metric and encoded; beside it the same files read by readFileSync and split into words. Then the processes.
 *  Times are of the CPU, this process's and the kernel's for it. The digest is of what the driver makes of two made-up
 *  seconds. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ProcDriver } from '../src/ingest/proc/driver.ts';
import { PROC_METRICS } from '../src/ingest/proc/metrics.ts';
import { Processes } from '../src/ingest/proc/processes.ts';
import type { Asked } from '../src/ingest/proc/sample.ts';
import { TEXT_SUBJECTS } from '../src/ingest/proc/subjects.ts';
import { TextSubject } from '../src/ingest/proc/text-subject.ts';
import { assert } from '../src/model/assert.ts';
import { systemClock } from '../src/model/clock.ts';
import { crc32c } from '../src/model/crc32c.ts';
import type { Instrumentation } from '../src/model/instrumentation.ts';
import { gridOf, isNumeric } from '../src/model/metric.ts';
import type { BenchResult, BenchSize } from './bench.ts';
import { median } from './measure.ts';

export const question = 'What does a second of the proc driver cost?';
export const smokeDigest = '48674bc7';

const SECOND = 1_700_000_000;
const LIMIT_MS = 0.5;
const everything: Asked = {
  columns: new Set(Array.from({ length: 64 }, (_, column) => column)),
  fields: new Set(['uid']),
};

export async function run(size: BenchSize): Promise<BenchResult> {
  const seconds = { smoke: 5, full: 500 }[size];
  const subjects = Object.values(TEXT_SUBJECTS).map((files) => new TextSubject(files, '/proc'));
  const readable = Object.values(TEXT_SUBJECTS).flatMap(({ files }) =>
    files.map(({ name }) => join('/proc', name)).filter(isReadable),
  );
  const driver = await enabledDriver('/');
  const processes = new Processes({ proc: '/proc' });
  let second = SECOND;
  let found = 0;
  const [parsedMs, countedMs, splitMs, processesMs] = await cpuMs(
    [
      () => subjects.forEach((subject) => subject.sample(everything)),
      async () => void (await driver.collect(++second)),
      () => readable.forEach((path) => splitWords(path)),
      async () => void (found = (await processes.sample(everything)).things.size),
    ],
    seconds,
  );
  for (const closing of [...subjects, processes]) closing.close();
  await driver.close();
  assert(found > 0, 'this process is one');
  const files = `${readable.length} files read and parsed`;
  const limit = { name: `the limit of ${LIMIT_MS} ms`, ratio: countedMs! / LIMIT_MS, what: 'x' };
  const rival = { name: files, ratio: splitMs! / parsedMs!, what: 'x the time of' };
  return {
    bench: 'proc',
    question,
    size,
    rows: [
      { name: files, value: parsedMs!, unit: 'ms' },
      {
        name: `${readable.length} files by readFileSync and split`,
        value: splitMs!,
        unit: 'ms',
        versus: rival,
      },
      { name: 'read, counted by all fields, encoded', value: countedMs!, unit: 'ms', versus: limit },
      { name: 'a process', value: (processesMs! * 1000) / found, unit: 'us' },
    ],
    digest: await digestOfMadeUp(),
  };
}

/** Median CPU time of each task over the rounds, taken in turn; one round before the first warms up. */
async function cpuMs(tasks: readonly (() => unknown)[], rounds: number): Promise<number[]> {
  const times = tasks.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [i, task] of tasks.entries()) {
      const before = process.cpuUsage();
      await task();
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) times[i]!.push(Math.max(user + system, 1) / 1000);
    }
  }
  return times.map(median);
}

function splitWords(path: string): string[][] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
}

function isReadable(path: string): boolean {
  try {
    return readFileSync(path).length > 0;
  } catch {
    return false;
  }
}

/** Every metric of the whole system that this root has, by all of its discrete fields. */
async function enabledDriver(root: string): Promise<ProcDriver> {
  const driver = new ProcDriver({ host: 'h', random: () => 0, clock: systemClock, root });
  await driver.start({ late: () => {}, offline: () => {}, note: () => {} });
  for (const { description, subject } of PROC_METRICS) {
    if (!Object.hasOwn(TEXT_SUBJECTS, subject)) continue;
    const numeric = description.fields.find(isNumeric)?.name;
    const instrumentation: Instrumentation = {
      id: description.name.replace('.', '_'),
      metric: description.name,
      by: description.fields.filter((field) => !isNumeric(field)).map(({ name }) => name),
      ...(numeric === undefined ? {} : { numeric }),
      grid: gridOf(description, numeric),
      scope: description.scope,
      everySeconds: 1,
      keepSeconds: 60,
      idleSeconds: 0,
      createdSecond: SECOND,
    };
    await driver.enable(instrumentation).catch(() => {}); // this kernel does not tell it
  }
  return driver;
}

/** Of what the driver says of the second of two seconds in which counters grow by what they are. */
async function digestOfMadeUp(): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'tailglow-proc-'));
  try {
    madeUp(root, 1);
    const driver = await enabledDriver(root);
    await driver.collect(SECOND);
    madeUp(root, 2);
    const { batches } = await driver.collect(SECOND + 1);
    await driver.close();
    return crc32c(batches[0]!.bytes).toString(16).padStart(8, '0');
  } finally {
    rmSync(root, { recursive: true });
  }
}

function madeUp(root: string, times: number): void {
  const numbers = (count: number): string =>
    Array.from({ length: count }, (_, i) => (i + 1) * 10 * times).join(' ');
  const files = {
    stat: `cpu  ${numbers(10)}\ncpu0 ${numbers(10)}\ncpu1 ${numbers(10)}\nintr ${numbers(5)}\nctxt ${numbers(1)}\nprocesses ${numbers(1)}\n`,
    softirqs: `  CPU0 CPU1\n HI: ${numbers(2)}\n NET_RX: ${numbers(2)}\n`,
    diskstats: ` 8 0 sda ${numbers(17)}\n 8 1 sda1 ${numbers(17)}\n`,
    'net/dev': `Inter-| Receive | Transmit\n face |bytes|bytes\n eth0: ${numbers(16)}\n`,
    'net/snmp': `Tcp: ActiveOpens RetransSegs InSegs OutSegs CurrEstab\nTcp: ${numbers(5)}\nUdp: InDatagrams NoPorts\nUdp: ${numbers(2)}\n`,
    'net/netstat': `TcpExt: ListenOverflows TCPTimeouts\nTcpExt: ${numbers(2)}\n`,
    'net/sockstat': 'sockets: used 3\nTCP: inuse 2 orphan 0 tw 1 alloc 3 mem 4\n',
    meminfo: 'MemTotal: 1000 kB\nMemFree: 400 kB\nCached: 300 kB\nSwapTotal: 100 kB\nSwapFree: 60 kB\n',
    vmstat: `pgfault ${numbers(1)}\npgmajfault ${numbers(1)}\n`,
    loadavg: '1.00 0.50 0.25 1/100 999\n',
    'pressure/cpu': `some avg10=0.00 avg60=0.00 avg300=0.00 total=${numbers(1)}\n`,
    'pressure/io': `some avg10=0.00 avg60=0.00 avg300=0.00 total=${numbers(1)}\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, 'proc', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
