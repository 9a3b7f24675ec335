/** A program as the node driver sees one: a socket that speaks the protocol, or anything else that a test sends. */
import { connect, type Socket } from 'node:net';
import { encodeBatch, type Report } from '../../../src/model/batch.ts';
import { COUNT } from '../../../src/model/grid.ts';
import {
  decodeFromInstrumenter,
  encodeFrame,
  FrameReader,
  type FromInstrumenter,
  type FromProgram,
  programDriver,
  PROTOCOL_VERSION,
  WANTED_BYTES_MAX,
} from '../../../src/ingest/node/wire.ts';

export class TestProgram {
  readonly socket: Socket;
  readonly heard: FromInstrumenter[] = [];
  closed = false;
  readonly #app: string;
  readonly #pid: number;
  readonly incarnation: string;

  constructor(path: string, app = 'shop', pid = process.pid, incarnation = '00112233aabbccdd') {
    this.#app = app;
    this.#pid = pid;
    this.incarnation = incarnation;
    this.socket = connect({ path });
    const reader = new FrameReader(WANTED_BYTES_MAX);
    this.socket.on('data', (chunk) => {
      for (const { kind, body } of reader.push(chunk)) this.heard.push(decodeFromInstrumenter(kind, body));
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => (this.closed = true));
  }

  say(message: FromProgram): void {
    this.socket.write(encodeFrame(message));
  }

  hello(): void {
    const { incarnation } = this;
    this.say({
      kind: 'hello',
      version: PROTOCOL_VERSION,
      app: this.#app,
      pid: this.#pid,
      thread: 0,
      incarnation,
    });
  }

  enabled(id: string, sinceSecond: number): void {
    this.say({ kind: 'state', id, state: { state: 'enabled', sinceSecond } });
  }

  batchBytes(sequence: number, second: number, reports: readonly Report[] = [emptyReport]): Uint8Array {
    const source = {
      host: 'h',
      driver: programDriver(this.#app, this.#pid, 0),
      incarnation: this.incarnation,
    };
    return encodeBatch({ source, sequence, second, reports });
  }

  batch(sequence: number, second: number): void {
    this.say({ kind: 'batch', bytes: this.batchBytes(sequence, second) });
  }

  acknowledged(): number[] {
    return this.heard.flatMap((message) => (message.kind === 'ack' ? [message.sequence] : []));
  }
}

export const emptyReport: Report = {
  instrumentation: 'a',
  grid: COUNT,
  partial: false,
  dropped: 0,
  rows: [],
};

/** Waits for what sockets bring, up to 5 s. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`did not come about: ${what}`);
}
