/** What each request costs a program's CPU with and without each way of measuring it: windows that take turns in one
 *  run, of programs that run side by side; what is told of each way is the median of the differences between a
 *  window with it and the one before without. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/model/clock.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import type { BenchResult, BenchRow } from '../bench.ts';
import { median } from '../measure.ts';
import { npmPackages } from '../peers/package-cache.ts';
import { cpuOfRequest, Instrumenting, type Program, startProgram, stopProgram, tell } from './programs.ts';

/** The newest that run on Node 20. */
const OTEL_PACKAGES = [
  '@opentelemetry/api@1.9.0',
  '@opentelemetry/instrumentation-http@0.223.0',
  '@opentelemetry/sdk-metrics@2.12.1',
  '@opentelemetry/sdk-trace-base@2.12.1',
  '@opentelemetry/exporter-metrics-otlp-proto@0.223.0',
  '@opentelemetry/exporter-trace-otlp-proto@0.223.0',
];
const OTEL = join(dirname(fileURLToPath(import.meta.url)), 'otel.js');
const WINDOW_MS = 1000;
/** After each switch, so that what is new is compiled. */
const WARM_MS = 400;
const ROUNDS = 16;

interface Way {
  readonly name: string;
  readonly off: Program;
  readonly on: Program;
  readonly set: (on: boolean) => Promise<void>;
}

export async function compareWays(
  instrumentation: Instrumentation,
): Promise<Pick<BenchResult, 'rows' | 'unmeasured'>> {
  const directory = mkdtempSync(join(tmpdir(), 'tailglow-probe-'));
  const instrumenting = new Instrumenting({ socketPath: join(directory, 'node.sock'), clock: systemClock });
  const sink = await startSink();
  const programs: Program[] = [];
  const run = async (...of: Parameters<typeof startProgram>): Promise<Program> => {
    const program = await startProgram(...of);
    programs.push(program);
    return program;
  };
  try {
    await instrumenting.start();
    const attach = { TAILGLOW_SOCKET: join(directory, 'node.sock') };
    const bare = await run([]);
    const plain = await run(instrumenting.execArgv, { ...attach, TAILGLOW_FLIGHT: 'off' });
    const recording = await run(instrumenting.execArgv, { ...attach, TAILGLOW_FLIGHT: '' });
    const set = (on: boolean): Promise<void> =>
      on ? instrumenting.on(instrumentation, 2) : instrumenting.off(instrumentation.id);
    const ways: Way[] = [
      { name: 'loaded, nobody asks', off: bare, on: plain, set: async () => {} },
      { name: 'enabled, without the flight recorder', off: plain, on: plain, set },
      { name: 'enabled', off: recording, on: recording, set },
    ];
    const unmeasured: { name: string; reason: string }[] = [];
    for (const what of ['metrics', 'traces']) {
      const name = `OpenTelemetry SDK, ${what}`;
      try {
        const env = { OTEL_BENCH: what, OTEL_PACKAGES: npmPackages(OTEL_PACKAGES), OTEL_SINK: sink.url };
        const program = await run(['--import', OTEL], env);
        ways.push({ name, off: program, on: program, set: (on) => tell(program, on ? 'on' : 'off') });
      } catch (error) {
        unmeasured.push({ name, reason: error instanceof Error ? error.message : String(error) });
      }
    }
    return { rows: await measure(ways, bare), unmeasured };
  } finally {
    for (const program of programs) await stopProgram(program);
    await instrumenting.close();
    sink.server.closeAllConnections();
    sink.server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(ways: readonly Way[], bare: Program): Promise<BenchRow[]> {
  for (const program of new Set(ways.flatMap(({ off, on }) => [off, on]))) {
    for (let i = 0; i < 3; i++) await cpuOfRequest(program, WINDOW_MS);
  }
  const bareUs: number[] = [];
  const added = ways.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    bareUs.push(await cpuOfRequest(bare, WINDOW_MS));
    for (const [i, { off, on, set }] of ways.entries()) {
      await cpuOfRequest(off, WARM_MS);
      const offUs = await cpuOfRequest(off, WINDOW_MS);
      await set(true);
      await cpuOfRequest(on, WARM_MS);
      const onUs = await cpuOfRequest(on, WINDOW_MS);
      await set(false);
      added[i]!.push(onUs - offUs);
    }
  }
  const ownUs = median(added[ways.findIndex(({ name }) => name === 'enabled')]!);
  return [
    { name: 'CPU of a request, bare', value: median(bareUs), unit: 'us', runs: bareUs },
    ...ways.map(({ name }, i): BenchRow => {
      const runs = added[i]!;
      const [low, high] = [0.25, 0.75].map(
        (at) => runs.toSorted((a, b) => a - b)[Math.floor(runs.length * at)]!,
      );
      const value = median(runs);
      const row = {
        name: `+ ${name} (quartiles ${low!.toFixed(1)}, ${high!.toFixed(1)})`,
        value,
        unit: 'us',
        runs,
      };
      const isRival = name.startsWith('Open');
      return isRival ? { ...row, versus: { name: 'enabled', ratio: value / ownUs, what: 'x' } } : row;
    }),
  ];
}

/** Takes what OpenTelemetry sends. */
async function startSink(): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
