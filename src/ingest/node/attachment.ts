/** The program's end of the socket: finds the instrumenter, says who it is, does what is wanted, hands over a
 *  batch a second and keeps it until it is called safe. Owns: the connection, its retries, the timers.
 *  Invariants: nothing here keeps the program alive, waits for it, or throws into it; an instrumenter that is
 *  absent costs one failed connect now and then; one that has been away for LEASE_MS finds nothing measured. */
import { stat } from 'node:fs';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import type { SourceState } from '../../model/instrumentation.ts';
import type { FlightSettings } from './flight-settings.ts';
import { OWN_SOCKET } from './probe-net.ts';
import { Measuring } from './measuring.ts';
import {
  decodeFromInstrumenter,
  encodeFrame,
  FrameReader,
  type FromInstrumenter,
  type FromProgram,
  PROTOCOL_VERSION,
  WANTED_BYTES_MAX,
  WireError,
} from './wire.ts';

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;
/** While batches wait, so that an instrumenter's restart is noticed well before they are too many. */
const RETRY_MS_MEASURING = 1_000;
/** Without an instrumenter for so long the program measures no more. Batches are held for less. */
const LEASE_MS = 30_000;
/** Bytes that may wait in the socket; more stays in the outbox, which has its own bound. */
const WRITABLE_BYTES_MAX = 2 * 1024 * 1024;
/** Between two times that fill back, so that the program has most of the time. */
const FILL_EVERY_MS = 5;
/** After the second's end, so that a timer that comes early does not have to come twice. */
const AFTER_SECOND_MS = 1;

export interface AttachmentOptions {
  readonly socketPath: string;
  /** The directory must be this user's or root's: nobody else may say what is measured. */
  readonly checkOwner: boolean;
  readonly app: string;
  readonly pid: number;
  readonly thread: number;
  readonly random: () => number;
  readonly flight: FlightSettings | undefined;
}

export class Attachment {
  readonly #options: AttachmentOptions;
  #socket: Socket | undefined;
  /** The instrumenter on the socket has said welcome. */
  #welcomed = false;
  #measuring: Measuring | undefined;
  #retryMs = RETRY_MS_MIN;
  #lostMs = 0;
  #sealTimer: NodeJS.Timeout | undefined;
  #fillTimer: NodeJS.Timeout | undefined;
  #broken = false;

  constructor(options: AttachmentOptions) {
    this.#options = options;
  }

  start(): void {
    this.#safely(() => {
      if (!this.#options.checkOwner) return this.#connect();
      stat(dirname(this.#options.socketPath), (error, found) => {
        const uid = process.getuid?.();
        const trusted = error === null && (uid === undefined || found.uid === uid || found.uid === 0);
        this.#safely(() => (trusted ? this.#connect() : this.#retry()));
      });
    });
  }

  /** The program ends: what is counted goes out at once, as far as the kernel takes it. */
  end(): void {
    this.#safely(() => {
      if (this.#measuring === undefined || !this.#welcomed) return;
      this.#measuring.seal(true);
      this.#flush();
      this.#write({ kind: 'bye' });
    });
  }

  /** Every way into this file from the runtime passes here: what fails ends our part, and not the program. */
  #safely(step: () => void): void {
    if (this.#broken) return;
    try {
      step();
    } catch {
      this.#broken = true;
      clearTimeout(this.#sealTimer);
      clearTimeout(this.#fillTimer);
      this.#measuring?.stop();
      this.#socket?.destroy();
    }
  }

  #connect(): void {
    const socket = Object.assign(new Socket(), { [OWN_SOCKET]: true });
    socket.connect({ path: this.#options.socketPath });
    socket.unref();
    const reader = new FrameReader(WANTED_BYTES_MAX);
    this.#socket = socket;
    this.#welcomed = false;
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => this.#safely(() => this.#closed(socket)));
    socket.on('drain', () => this.#safely(() => this.#flush()));
    socket.on('data', (chunk) => {
      this.#safely(() => {
        try {
          for (const { kind, body } of reader.push(chunk)) this.#take(decodeFromInstrumenter(kind, body));
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
          socket.destroy(); // whoever is there does not speak this protocol
        }
      });
    });
  }

  #closed(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    if (this.#welcomed) this.#lostMs = performance.now();
    this.#welcomed = false;
    this.#measuring?.outbox.disconnected();
    this.#retry();
  }

  #retry(): void {
    const waitMs = this.#retryMs * (0.5 + this.#options.random() / 2);
    const measuring = this.#measuring?.active === true;
    this.#retryMs = Math.min(measuring ? RETRY_MS_MEASURING : RETRY_MS_MAX, this.#retryMs * 2);
    if (measuring && performance.now() - this.#lostMs > LEASE_MS) this.#stopMeasuring();
    setTimeout(() => this.start(), waitMs).unref();
  }

  #take(message: FromInstrumenter): void {
    switch (message.kind) {
      case 'welcome':
        return this.#welcome(message);
      case 'ack':
        this.#measuring?.outbox.acknowledge(message.sequence);
        return this.#planFill();
      case 'wanted':
        void this.#measuring?.want(message.instrumentations, message.whole).then(() =>
          this.#safely(() => {
            if (this.#sealTimer === undefined) this.#planSeal();
            this.#planFill();
          }),
        );
        return;
    }
  }

  #welcome({ version, host }: { readonly version: number; readonly host: string }): void {
    if (version !== PROTOCOL_VERSION) {
      this.#retryMs = RETRY_MS_MAX;
      this.#socket?.destroy();
      return;
    }
    if (this.#measuring?.host !== host) {
      this.#stopMeasuring();
      const onState = (id: string, state: SourceState): void => this.#say(id, state);
      this.#measuring = new Measuring({ ...this.#options, host, onState });
    }
    this.#welcomed = true;
    this.#retryMs = RETRY_MS_MIN;
    this.#hello(this.#measuring!);
  }

  #hello(measuring: Measuring): void {
    const { app, pid, thread } = this.#options;
    this.#write({
      kind: 'hello',
      version: PROTOCOL_VERSION,
      app,
      pid,
      thread,
      incarnation: measuring.source.incarnation,
    });
    for (const [id, state] of measuring.states()) this.#write({ kind: 'state', id, state });
    this.#flush();
  }

  #say(id: string, state: SourceState): void {
    if (this.#welcomed) this.#write({ kind: 'state', id, state });
  }

  #stopMeasuring(): void {
    clearTimeout(this.#sealTimer);
    this.#sealTimer = undefined;
    this.#measuring?.stop();
  }

  /** At the next second's end. The collections of this turn come before the immediate, so it seals there; one that
   *  is unref'd would wait in an idle program until something else happens. */
  #planSeal(): void {
    const measuring = this.#measuring;
    if (measuring?.active !== true) {
      this.#sealTimer = undefined;
      return;
    }
    const delayMs = 1000 - (measuring.clock.nowMs() % 1000) + AFTER_SECOND_MS;
    const seal = (): void => this.#safely(() => this.#seal(measuring));
    this.#sealTimer = setTimeout(() => setImmediate(seal), delayMs).unref();
  }

  #seal(measuring: Measuring): void {
    if (measuring !== this.#measuring) return;
    const { incarnation } = measuring.source;
    measuring.seal();
    if (measuring.source.incarnation === incarnation) this.#flush();
    else this.#socket?.destroy(); // to say hello as another source
    this.#planSeal();
  }

  /** An acknowledgement makes room for more. */
  #planFill(): void {
    const measuring = this.#measuring;
    if (this.#fillTimer !== undefined || measuring?.owesFill !== true) return;
    const fill = (): void => {
      this.#fillTimer = undefined;
      measuring.fill();
      this.#flush();
      this.#planFill();
    };
    this.#fillTimer = setTimeout(() => this.#safely(fill), FILL_EVERY_MS).unref();
  }

  #flush(): void {
    const socket = this.#socket;
    if (socket === undefined || !this.#welcomed || this.#measuring === undefined) return;
    for (const batch of this.#measuring.outbox.unwritten()) {
      if (socket.writableLength > WRITABLE_BYTES_MAX) return;
      batch.written = true;
      this.#write({ kind: 'batch', bytes: batch.bytes });
    }
  }

  #write(message: FromProgram): void {
    this.#socket?.write(encodeFrame(message));
  }
}
