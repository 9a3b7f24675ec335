/** What a measured program and the instrumenter say to each other over the unix socket. Owns: frames and the
 *  checks on them. Does not: know sockets. Both sides import it, so it imports no schema library.
 *
 *  | at | bytes | a frame                                    |
 *  |----|-------|--------------------------------------------|
 *  | 0  | 4     | length of what follows, little-endian      |
 *  | 4  | 1     | kind                                       |
 *  | 5  | n - 1 | body: UTF-8 JSON, or for `batch` its bytes |
 *
 *  The instrumenter says `welcome` on connection, then `wanted` whenever that changes (all of it, not the change)
 *  and `ack` for each batch that is safe. The program says `hello` first, `state` for each instrumentation,
 *  `batch` for each second, and `bye` when it ends in good order. */
import type { Instrumentation, SourceState } from '../../model/instrumentation.ts';
import { INSTRUMENTATIONS_MAX } from '../../model/limits.ts';
import { type Grid, LL5, COUNT } from '../../model/grid.ts';

export const PROTOCOL_VERSION = 1;
/** A second of one program: 200 instrumentations of a few hundred keys each. The program leaves rows out, and
 *  says how many events that cost, before it sends more. */
export const FRAME_BYTES_MAX = 1024 * 1024;
/** What the instrumenter may say at once: all instrumentations with their predicates. */
export const WANTED_BYTES_MAX = 16 * 1024 * 1024;
const HEADER_BYTES = 5;
const KINDS = ['welcome', 'wanted', 'ack', 'hello', 'state', 'batch', 'bye'] as const;
type Kind = (typeof KINDS)[number];

/** The name of a program's driver: what a source is called after its host. */
export function programDriver(app: string, pid: number, thread: number): string {
  return `node:${app}[${thread === 0 ? pid : `${pid}.${thread}`}]`;
}

export interface Hello {
  readonly version: number;
  readonly app: string;
  readonly pid: number;
  /** 0 for the main one: each thread is a program of its own. */
  readonly thread: number;
  readonly incarnation: string;
}

export type FromInstrumenter =
  | { readonly kind: 'welcome'; readonly version: number; readonly host: string }
  /** Where the list is not whole, as while an instrumenter that was restarted is told again what lives, nothing
   *  that the program measures ends. */
  | {
      readonly kind: 'wanted';
      readonly instrumentations: readonly Instrumentation[];
      readonly whole: boolean;
    }
  | { readonly kind: 'ack'; readonly sequence: number };

export type FromProgram =
  | ({ readonly kind: 'hello' } & Hello)
  | { readonly kind: 'state'; readonly id: string; readonly state: SourceState }
  | { readonly kind: 'batch'; readonly bytes: Uint8Array }
  | { readonly kind: 'bye' };

/** Bytes that are no frame of this protocol: the peer is cut. */
export class WireError extends Error {
  readonly code = 'WIRE';
}

export function encodeFrame(message: FromInstrumenter | FromProgram): Uint8Array {
  const body = message.kind === 'batch' ? message.bytes : Buffer.from(JSON.stringify(message), 'utf8');
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  frame.writeUInt32LE(body.length + 1, 0);
  frame[4] = KINDS.indexOf(message.kind);
  frame.set(body, HEADER_BYTES);
  return frame;
}

/** Cuts a stream into frames. Holds at most one frame that is not whole, and copies each byte at most twice. */
export class FrameReader {
  readonly #lengthMax: number;
  #chunks: Uint8Array[] = [];
  #heldBytes = 0;
  #neededBytes = HEADER_BYTES;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** The frames that `chunk` completes. Throws WireError at a frame that is too long or of no kind. */
  *push(chunk: Uint8Array): Generator<{ readonly kind: Kind; readonly body: Buffer }> {
    this.#chunks.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#neededBytes) return;
    const bytes = Buffer.concat(this.#chunks);
    let at = 0;
    this.#neededBytes = HEADER_BYTES;
    while (bytes.length - at >= HEADER_BYTES) {
      const length = bytes.readUInt32LE(at);
      if (length < 1 || length > this.#lengthMax) {
        throw new WireError(`Cannot read frame: its length is ${length}, expected 1..${this.#lengthMax}`);
      }
      const kind = KINDS[bytes[at + 4]!];
      if (kind === undefined) throw new WireError(`Cannot read frame: its kind is ${bytes[at + 4]}`);
      this.#neededBytes = 4 + length;
      if (bytes.length - at < this.#neededBytes) break;
      yield { kind, body: bytes.subarray(at + HEADER_BYTES, at + 4 + length) };
      at += 4 + length;
      this.#neededBytes = HEADER_BYTES;
    }
    this.#chunks = at === bytes.length ? [] : [bytes.subarray(at)];
    this.#heldBytes = bytes.length - at;
  }
}

export function decodeFromProgram(kind: Kind, body: Buffer): FromProgram {
  switch (kind) {
    case 'batch':
      return { kind, bytes: body };
    case 'bye':
      return { kind };
    case 'hello': {
      const { version, app, pid, thread, incarnation } = fields(kind, body);
      need(kind, isIndex(version) && isIndex(pid) && isIndex(thread), 'version, pid and thread');
      need(kind, typeof app === 'string' && app.length > 0 && app.length <= APP_CHARS_MAX, 'app');
      need(kind, typeof incarnation === 'string' && /^[0-9a-f]{16}$/.test(incarnation), 'incarnation');
      return { kind, version, app, pid, thread, incarnation };
    }
    case 'state': {
      const { id, state } = fields(kind, body);
      need(kind, typeof id === 'string' && id.length <= 64, 'id');
      return { kind, id, state: decodeState(state) };
    }
    case 'welcome':
    case 'wanted':
    case 'ack':
      throw new WireError(`Cannot read frame: "${kind}" is not for the instrumenter`);
  }
}

export function decodeFromInstrumenter(kind: Kind, body: Buffer): FromInstrumenter {
  switch (kind) {
    case 'welcome': {
      const { version, host } = fields(kind, body);
      need(kind, isIndex(version) && typeof host === 'string', 'version and host');
      return { kind, version, host };
    }
    case 'ack': {
      const { sequence } = fields(kind, body);
      need(kind, isIndex(sequence), 'sequence');
      return { kind, sequence };
    }
    case 'wanted': {
      const { instrumentations, whole } = fields(kind, body);
      need(kind, typeof whole === 'boolean', 'whole');
      need(
        kind,
        Array.isArray(instrumentations) && instrumentations.length <= INSTRUMENTATIONS_MAX,
        'instrumentations',
      );
      return { kind, instrumentations: instrumentations.map(decodeInstrumentation), whole };
    }
    case 'hello':
    case 'state':
    case 'batch':
    case 'bye':
      throw new WireError(`Cannot read frame: "${kind}" is not for a program`);
  }
}

/** Characters of an application's name in the wire and in the source's name. */
export const APP_CHARS_MAX = 64;
const REASON_CHARS_MAX = 1024;

function decodeState(value: unknown): SourceState {
  const { state, sinceSecond, coversFromSecond, reason } = record('state', value);
  if (state === 'enabling') return { state };
  if (state === 'enabled' && isIndex(sinceSecond)) {
    return isIndex(coversFromSecond) ? { state, sinceSecond, coversFromSecond } : { state, sinceSecond };
  }
  if (state === 'failed' && typeof reason === 'string')
    return { state, reason: reason.slice(0, REASON_CHARS_MAX) };
  throw new WireError('Cannot read frame: "state" has no state of a source');
}

/** The peer made it with encodeFrame of a checked value; what is checked is what the program relies on. */
function decodeInstrumentation(value: unknown): Instrumentation {
  const found = record('wanted', value);
  const { id, metric, by, numeric, where, scope, grid } = found;
  need('wanted', typeof id === 'string' && typeof metric === 'string', 'id and metric');
  need('wanted', Array.isArray(by) && by.every((field) => typeof field === 'string'), 'by');
  need('wanted', numeric === undefined || typeof numeric === 'string', 'numeric');
  need('wanted', scope === 'interval' || scope === 'point', 'scope');
  need(
    'wanted',
    where === undefined || (typeof where === 'object' && where !== null && 'op' in where),
    'where',
  );
  const whole = (name: string): number => {
    const number = found[name];
    need('wanted', isIndex(number), name);
    return number;
  };
  return {
    id,
    metric,
    by,
    ...(numeric === undefined ? {} : { numeric }),
    ...(where === undefined ? {} : { where: where as NonNullable<Instrumentation['where']> }),
    scope,
    grid: decodeGrid(grid),
    everySeconds: whole('everySeconds'),
    keepSeconds: whole('keepSeconds'),
    idleSeconds: whole('idleSeconds'),
    createdSecond: whole('createdSecond'),
  };
}

function decodeGrid(value: unknown): Grid {
  const { kind, width } = record('wanted', value);
  if (kind === 'log-linear') return LL5;
  if (kind === 'count') return COUNT;
  need('wanted', kind === 'linear' && isIndex(width) && width > 0, 'grid');
  return { kind: 'linear', width };
}

function fields(kind: Kind, body: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new WireError(`Cannot read frame: "${kind}" is no JSON`, { cause });
  }
  return record(kind, value);
}

function record(kind: Kind, value: unknown): Record<string, unknown> {
  need(kind, typeof value === 'object' && value !== null, 'an object');
  return { ...value };
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function need(kind: Kind, holds: boolean, what: string): asserts holds {
  if (!holds) throw new WireError(`Cannot read frame: "${kind}" lacks ${what} of the form expected`);
}
