/** The instrumenter's end of one program's connection. Owns: what this peer may say and when, and the check of its
 *  batches: the one place where a program's bytes become trusted. A peer that says what it may not is cut, and
 *  costs nothing more. Does not: collect seconds (driver.ts). */
import type { Socket } from 'node:net';
import type { Source } from '../../model/batch.ts';
import type { Instrumentation, SourceState } from '../../model/instrumentation.ts';
import { INSTRUMENTATIONS_MAX } from '../../model/limits.ts';
import { decodeBatch, decodeRows, ReportCorruptError } from '../../model/report.ts';
import { CellsBuffer } from '../../model/series.ts';
import type { EncodedBatch } from '../driver.ts';
import {
  decodeFromProgram,
  encodeFrame,
  FRAME_BYTES_MAX,
  FrameReader,
  type FromInstrumenter,
  type FromProgram,
  type Hello,
  programDriver,
  PROTOCOL_VERSION,
  WANTED_BYTES_MAX,
  WireError,
} from './wire.ts';

/** A peer has so long to say who it is. */
const HELLO_MS_MAX = 5_000;
/** A program that gives nothing for so long is not waited for: it is stopped, or its loop is. */
const STUCK_SECONDS = 3;

export interface SessionEvents {
  /** It said who it is; its source is known from now on. */
  readonly attached: (session: Session) => void;
  /** It said how an instrumentation is with it. */
  readonly stated: () => void;
  readonly batch: (session: Session, batch: EncodedBatch) => void;
  /** It ended; `reason` is there where it was cut. */
  readonly closed: (session: Session, reason: string | undefined) => void;
}

export class Session {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #events: SessionEvents;
  readonly #states = new Map<string, SourceState>();
  readonly #cells = new CellsBuffer();
  #hello: Hello | undefined;
  #source: Source | undefined;
  #lastSecond: number | undefined;
  #saidBye = false;
  #cutFor: string | undefined;

  constructor(socket: Socket, host: string, events: SessionEvents) {
    this.#socket = socket;
    this.#host = host;
    this.#events = events;
    const reader = new FrameReader(FRAME_BYTES_MAX);
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => events.closed(this, this.#cutFor));
    socket.setTimeout(HELLO_MS_MAX, () => this.cut('it does not say who it is'));
    socket.on('data', (chunk) => {
      if (this.#cutFor !== undefined) return;
      try {
        for (const { kind, body } of reader.push(chunk)) this.#take(decodeFromProgram(kind, body));
      } catch (error) {
        if (!(error instanceof WireError || error instanceof ReportCorruptError)) throw error;
        this.cut(error.message);
      }
    });
    this.#send({ kind: 'welcome', version: PROTOCOL_VERSION, host });
  }

  /** Undefined until it said who it is. */
  get source(): Source | undefined {
    return this.#source;
  }

  get program(): Pick<Hello, 'pid' | 'thread'> | undefined {
    return this.#hello;
  }

  get lastSecond(): number | undefined {
    return this.#lastSecond;
  }

  /** It ended as a program does that ends by itself. */
  get saidBye(): boolean {
    return this.#saidBye;
  }

  stateOf(id: string): SourceState {
    return this.#states.get(id) ?? { state: 'enabling' };
  }

  /** Whether a batch for `second` is still to come, as far as can be hoped. */
  owes(second: number): boolean {
    if (this.#saidBye || this.#cutFor !== undefined) return false;
    if (this.#lastSecond !== undefined && this.#lastSecond >= second) return false;
    for (const state of this.#states.values()) {
      if (state.state !== 'enabled' || state.sinceSecond > second) continue;
      if (second - Math.max(state.sinceSecond, this.#lastSecond ?? 0) <= STUCK_SECONDS) return true;
    }
    return false;
  }

  want(instrumentations: readonly Instrumentation[], whole: boolean): void {
    const ids = new Set(instrumentations.map((one) => one.id));
    if (whole) for (const id of this.#states.keys()) if (!ids.has(id)) this.#states.delete(id);
    this.#send({ kind: 'wanted', instrumentations, whole });
  }

  acknowledge(sequence: number): void {
    this.#send({ kind: 'ack', sequence });
  }

  cut(reason: string): void {
    this.#cutFor ??= reason;
    this.#socket.destroy();
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(message: FromProgram): void {
    if ((message.kind === 'hello') === (this.#source !== undefined)) {
      throw new WireError(`Cannot take frame: "${message.kind}" is out of order`);
    }
    switch (message.kind) {
      case 'hello':
        return this.#greet(message);
      case 'state':
        if (this.#states.size < INSTRUMENTATIONS_MAX || this.#states.has(message.id)) {
          this.#states.set(message.id, message.state);
        }
        return this.#events.stated();
      case 'batch':
        return this.#takeBatch(message.bytes);
      case 'bye':
        this.#saidBye = true;
        return;
    }
  }

  #greet(hello: Hello): void {
    if (hello.version !== PROTOCOL_VERSION) {
      throw new WireError(
        `Cannot take program: its protocol version is ${hello.version}, expected ${PROTOCOL_VERSION}`,
      );
    }
    this.#hello = hello;
    this.#socket.setTimeout(0);
    const driver = programDriver(hello.app, hello.pid, hello.thread);
    this.#source = { host: this.#host, driver, incarnation: hello.incarnation };
    this.#events.attached(this);
  }

  /** Decodes all of it, so that what goes into the log is whole, and says what this program may say. */
  #takeBatch(frame: Uint8Array): void {
    const bytes = Uint8Array.from(frame); // no view of a chunk is kept
    const batch = decodeBatch(bytes);
    const own = this.#source!;
    const { host, driver, incarnation } = batch.source;
    if (host !== own.host || driver !== own.driver || incarnation !== own.incarnation) {
      throw new WireError(
        `Cannot take batch: it is of "${host}/${driver}", expected "${own.host}/${own.driver}"`,
      );
    }
    for (const report of batch.reports) {
      this.#cells.length = 0;
      decodeRows(report, 0, this.#cells, () => 0);
    }
    const { sequence, second } = batch;
    this.#lastSecond = Math.max(second, this.#lastSecond ?? 0);
    this.#events.batch(this, { source: own, sequence, second, bytes });
  }

  #send(message: FromInstrumenter): void {
    if (this.#cutFor !== undefined || this.#socket.destroyed) return;
    if (this.#socket.writableLength > WANTED_BYTES_MAX) return this.cut('it does not read what it is told');
    this.#socket.write(encodeFrame(message));
  }
}
