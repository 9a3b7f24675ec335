/** Tailglow as a server, with one aggregator: binary reports by POST, each answered when it is durable; a chunk counts
 *  as written when it is folded too. Heatmaps are asked for as JSON with all their cells, which is what the other
 *  servers answer. For all periods it is started over the directory that was folded in process (tailglow.ts). */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Type from 'typebox';
import { loadKernel } from '../../src/kernel/native.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { eventsOf, type TimeRange } from './fleet.ts';
import {
  countStatement,
  heatmapStatement,
  instrumentStatement,
  percentilesStatement,
  reportEntry,
} from './fleet-reports.ts';
import { fetchBody, hostLanes, readJson, sendInLanes } from './http.ts';
import { occupiedBytes } from './machine.ts';
import { CannotError, type PercentileLines, type Peer, type Place, type Session } from './peer.ts';
import { TAILGLOW_ID } from './tailglow.ts';
import { quiet, type ServerProcess, startServer } from './server-process.ts';

const KEEPING = 'by host and key';
const PROGRAM = fileURLToPath(new URL('../../../bin/tailglow', import.meta.url));
const FOLD_MS_MAX = 60_000;

const Heatmap = Type.Object({ kind: Type.Literal('heatmap'), total: Type.Number() });
const Values = Type.Array(Type.Union([Type.Number(), Type.Null()]));
const Lines = Type.Object({ series: Type.Array(Type.Object({ values: Values })) });

export const tailglowServer: Peer = {
  id: 'tailglow-server',
  label: 'Tailglow',
  place: 'server',
  takes: 'one period',
  percentileLoss: 0,
  open: async (place) => {
    const running = await startTailglow(place.directory, join(place.directory, 'data'));
    await fetchBody(`${running.url}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: instrumentStatement(KEEPING),
    });
    return new TailglowServerSession(place, running);
  },
};

interface Running {
  readonly server: ServerProcess;
  readonly url: string;
}

async function startTailglow(directory: string, data: string): Promise<Running> {
  let url = '';
  const server = await startServer({
    program: process.execPath,
    args: [
      PROGRAM,
      'serve',
      '--port=0',
      '--aggregators=1',
      '--host=bench',
      `--data=${data}`,
      `--socket=${join(directory, 'socket')}`,
    ],
    directory,
    ready: async (printed) => {
      url = /^tailglow is at (\S+)/m.exec(printed)?.[1] ?? '';
      await fetchBody(`${url}/readyz`);
    },
  });
  return { server, url };
}

class TailglowServerSession implements Session {
  readonly version = 'this version';
  readonly #place: Place;
  readonly #kernel: Kernel = loadKernel('native');
  #running: Running;
  #sequence = 0;

  constructor(place: Place, running: Running) {
    this.#place = place;
    this.#running = running;
  }

  get pid(): number {
    return this.#running.server.pid;
  }

  prepare(fromSecond: number, untilSecond: number): () => Promise<void> {
    const { fleet } = this.#place;
    const first = this.#sequence - fromSecond;
    this.#sequence += untilSecond - fromSecond;
    const lanes = hostLanes(fleet, fromSecond, untilSecond, (second, hosts) =>
      reportEntry(fleet, { second, hosts, sequence: first + second }, KEEPING, this.#kernel),
    );
    const events = eventsOf(fleet, untilSecond - 1, untilSecond);
    return async () => {
      await sendInLanes(lanes, (entry) =>
        fetchBody(`${this.#running.url}/api/v1/batches`, {
          method: 'POST',
          headers: { 'content-type': 'application/vnd.tailglow.report' },
          body: new Uint8Array(entry),
        }),
      );
      await this.#folded(untilSecond - 1, events);
    };
  }

  async settle(): Promise<void> {
    await quiet(this.pid);
  }

  /** After a clean stop, which commits the seconds that are still open, and a start. */
  async diskBytes(): Promise<number> {
    const data = join(this.#place.directory, 'data');
    await this.#restart(data);
    return occupiedBytes(join(data, 'aggregator-0'));
  }

  async heatmap(range: TimeRange, byKey: boolean, signal: AbortSignal): Promise<() => number> {
    const body = await this.#query(heatmapStatement(range, byKey), signal);
    return () => readJson(Heatmap, body).total;
  }

  async picture(range: TimeRange, signal: AbortSignal): Promise<void> {
    await this.#query(heatmapStatement(range, true), signal, 'png');
  }

  async percentiles(range: TimeRange, signal: AbortSignal): Promise<() => PercentileLines> {
    const body = await this.#query(percentilesStatement(range), signal);
    return () => {
      const [p50, p99] = readJson(Lines, body).series.map(({ values }) =>
        values.map((value) => value ?? Number.NaN),
      );
      return { p50: p50 ?? [], p99: p99 ?? [] };
    };
  }

  async visible(second: number, events: number): Promise<boolean> {
    const body = await this.#query(countStatement(second));
    return readJson(Lines, body).series[0]?.values[0] === events;
  }

  /** Starts anew over what was folded in process before: the same data, all periods of it. */
  async extend(): Promise<void> {
    const data = join(dirname(this.#place.directory), TAILGLOW_ID);
    if (!existsSync(data))
      throw new CannotError(`not tried: ${TAILGLOW_ID}, whose files it goes on with, was left out`);
    await this.#restart(data);
    const newest = this.#place.fleet.endSecond - 1;
    const events = eventsOf(this.#place.fleet, newest, newest + 1);
    if (!(await this.visible(newest, events))) throw new CannotError('not tried: not all of it was written');
  }

  async close(): Promise<void> {
    await this.#running.server.stop();
  }

  async #restart(data: string): Promise<void> {
    await this.#running.server.stop();
    this.#running = await startTailglow(this.#place.directory, data);
  }

  async #folded(second: number, events: number): Promise<void> {
    const untilMs = performance.now() + FOLD_MS_MAX;
    while (!(await this.visible(second, events))) {
      if (performance.now() > untilMs) throw new CannotError(`does not fold within ${FOLD_MS_MAX / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #query(statement: string, signal?: AbortSignal, format = 'json'): Promise<Buffer> {
    const parameters = new URLSearchParams({ q: statement, format });
    return fetchBody(
      `${this.#running.url}/api/v1/query?${parameters.toString()}`,
      signal === undefined ? {} : { signal },
    );
  }
}
