/** Question: what do per-second latency histograms of a fleet cost to take, keep and draw, here and in other stores?
 *  Command: npm run bench -- peers [--json] [--only tailglow,duckdb] [--size smoke]
 *  docs/BENCHMARKS.md says how it is measured. A full run takes about a quarter of an hour, measures each peer in a
 *  process of its own, one after another, and says on stderr how far it is. */
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { crc32c } from '../src/model/crc32c.ts';
import type { BenchResult, BenchSize } from './bench.ts';
import type { Task } from './peers/child.ts';
import { benchRows, comparisonTable, type Outcome, unmeasured } from './peers/compare.ts';
import { type Fleet, type FleetShape, makeFleet } from './peers/fleet.ts';
import type { About, Finding, News } from './peers/measures.ts';
import type { Peer } from './peers/peer.ts';
import { PEERS } from './peers/peer-list.ts';
import { type Job, runPeer } from './peers/run-peer.ts';

export const question =
  'What do per-second latency histograms cost to take, keep and draw, here and in other stores?';
export const smokeDigest = 'a52b6519';

/** Long enough for the slowest peer; what hangs is ended, and what it had found is kept. */
const PEER_MS_MAX = 480_000;
/** Peers of a smoke run: nothing to install, no process to start. */
const SMOKE_PEERS = ['tailglow', 'tailglow-merged', 'sqlite'];

type Plan = Omit<Job, 'directory' | 'fleet'> & { readonly shape: FleetShape };

const PLANS: Readonly<Record<BenchSize, Plan>> = {
  smoke: {
    shape: { seed: 19, hosts: 2, keys: 3, periodSeconds: 120, eventsPerHistogram: 5 },
    periods: 3,
    ranges: {
      short: { seconds: 20, stepSeconds: 1 },
      middle: { seconds: 120, stepSeconds: 10 },
      long: { seconds: 360, stepSeconds: 60 },
    },
    chunkSeconds: 60,
    ingestMsMax: { 'one period': 10_000, 'all periods': 10_000 },
    queryMsMax: 10_000,
    repeatMsMax: 0,
    repeats: 1,
    freshWrites: 1,
  },
  full: {
    shape: { seed: 19, hosts: 20, keys: 10, periodSeconds: 3600, eventsPerHistogram: 30 },
    periods: 24,
    ranges: {
      short: { seconds: 600, stepSeconds: 1 },
      middle: { seconds: 3600, stepSeconds: 10 },
      long: { seconds: 86_400, stepSeconds: 120 },
    },
    chunkSeconds: 60,
    ingestMsMax: { 'one period': 60_000, 'all periods': 240_000 },
    queryMsMax: 20_000,
    repeatMsMax: 3000,
    repeats: 9,
    freshWrites: 7,
  },
};

export async function run(size: BenchSize, only: readonly string[] = []): Promise<BenchResult> {
  const unknown = only.filter((id) => !PEERS.some((peer) => peer.id === id));
  if (unknown.length > 0) {
    const known = PEERS.map(({ id }) => id).join(', ');
    throw new Error(`Cannot measure peer "${unknown.join(', ')}": expected some of ${known}`);
  }
  const { shape, ...plan } = PLANS[size];
  const fleet = makeFleet(shape, endOf(size));
  const wanted = PEERS.filter(({ id }) => (only.length === 0 ? isUsual(id, size) : only.includes(id)));
  const root = mkdtempSync(join(tmpdir(), 'tailglow-peers-'));
  const outcomes: Outcome[] = [];
  try {
    for (const peer of wanted) {
      const directory = join(root, peer.id);
      mkdirSync(directory);
      const job: Job = { ...plan, directory, fleet };
      outcomes.push(await (size === 'smoke' ? runHere(peer, job) : runApart(peer, job, root)));
      if (peer.keepsFiles !== true) remove(directory);
    }
  } finally {
    remove(root);
  }
  return {
    bench: 'peers',
    question,
    size,
    rows: benchRows(outcomes),
    unmeasured: unmeasured(outcomes),
    table: `${comparisonTable(outcomes)}\n\n${machineText()}`,
    digest: digestOf(fleet, outcomes),
  };
}

/** What a process that was just ended still holds goes in a moment. */
function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/** A smoke run's data are of a fixed time. A full run's end lately: some peers keep nothing older. */
function endOf(size: BenchSize): number {
  return size === 'smoke' ? 1_700_006_400 : Math.floor(Date.now() / 3_600_000) * 3600;
}

function isUsual(id: string, size: BenchSize): boolean {
  return size === 'full' || SMOKE_PEERS.includes(id);
}

function machineText(): string {
  const [cpu] = cpus();
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  const cores = `${availableParallelism()} cores of ${cpu?.model.trim() ?? 'an unknown processor'}`;
  return `${cores}, ${gibibytes} GiB, ${type()} ${release()}, Node ${process.versions.node}`;
}

/** Collects what a peer tells. */
class Listening {
  readonly #peer: Peer;
  readonly #findings: Finding[] = [];
  #about: About | undefined;
  #ended: string | undefined;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  hear(news: News): void {
    if (news.kind === 'finding') this.#findings.push(news.finding);
    if (news.kind === 'about') this.#about = news;
    if (news.kind === 'ended') this.#ended ??= news.words;
    if (news.kind === 'progress') console.error(`${this.#peer.id}: ${news.line}`);
  }

  outcome(): Outcome {
    return {
      peer: this.#peer,
      findings: this.#findings,
      ...(this.#about === undefined ? {} : { about: this.#about }),
      ...(this.#ended === undefined ? {} : { ended: this.#ended }),
    };
  }
}

async function runHere(peer: Peer, job: Job): Promise<Outcome> {
  const listening = new Listening(peer);
  await runPeer(peer, job, (news) => {
    if (news.kind !== 'progress') listening.hear(news);
  });
  return listening.outcome();
}

/** In a process of its own, which is ended when it takes too long or we are told to stop. */
async function runApart(peer: Peer, job: Job, root: string): Promise<Outcome> {
  const listening = new Listening(peer);
  const child = fork(new URL('peers/child.js', import.meta.url), {
    serialization: 'advanced',
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const stopped = (): void => {
    child.kill('SIGKILL');
    remove(root);
    process.exit(130);
  };
  process.once('SIGINT', stopped).once('SIGTERM', stopped);
  const timer = setTimeout(() => {
    listening.hear({ kind: 'ended', words: `not within ${PEER_MS_MAX / 1000} s in all` });
    child.kill('SIGKILL');
  }, PEER_MS_MAX);
  child.on('message', (news: News) => listening.hear(news));
  child.send({ peer: peer.id, job, root } satisfies Task);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) listening.hear({ kind: 'ended', words: `its process ended with code ${code}` });
  clearTimeout(timer);
  process.off('SIGINT', stopped).off('SIGTERM', stopped);
  return listening.outcome();
}

/** Over the data and every wrong answer: where all are right, the same for ever. */
function digestOf({ start, bucket, count }: Fleet, outcomes: readonly Outcome[]): string {
  const wrong = outcomes.flatMap(({ peer, findings }) =>
    findings
      .filter(({ words }) => words !== undefined && /^(wrong|failed)/.test(words))
      .map(({ measure }) => `${peer.id} ${measure}`),
  );
  let digest = crc32c(Buffer.from(wrong.join()));
  for (const { buffer } of [start, bucket, count]) digest = crc32c(new Uint8Array(buffer), digest);
  return digest.toString(16).padStart(8, '0');
}
