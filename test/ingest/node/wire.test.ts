import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeFromInstrumenter,
  decodeFromProgram,
  encodeFrame,
  FrameReader,
  type FromInstrumenter,
  type FromProgram,
  WireError,
} from '../../../src/ingest/node/wire.ts';
import type { Instrumentation } from '../../../src/model/instrumentation.ts';
import { arbitraryInstrumentation } from '../../arbitrary/control.ts';
import { arbitraryId, arbitrarySecond } from '../../arbitrary/report.ts';

const LENGTH_MAX = 1 << 20;

const arbitraryFromProgram: fc.Arbitrary<FromProgram> = fc.oneof(
  fc.record({
    kind: fc.constant('hello' as const),
    version: fc.nat(),
    app: fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme-ascii' }),
    pid: fc.nat(),
    thread: fc.nat(),
    incarnation: fc.stringMatching(/^[0-9a-f]{16}$/),
  }),
  fc.record({
    kind: fc.constant('state' as const),
    id: arbitraryId,
    state: fc.oneof(
      fc.constant({ state: 'enabling' as const }),
      arbitrarySecond.map((sinceSecond) => ({ state: 'enabled' as const, sinceSecond })),
      fc.tuple(arbitrarySecond, arbitrarySecond).map(([sinceSecond, coversFromSecond]) => ({
        state: 'enabled' as const,
        sinceSecond,
        coversFromSecond,
      })),
      fc.string().map((reason) => ({ state: 'failed' as const, reason })),
    ),
  }),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => ({ kind: 'batch' as const, bytes })),
  fc.constant({ kind: 'bye' as const }),
);
const arbitraryFromInstrumenter: fc.Arbitrary<FromInstrumenter> = fc.oneof(
  fc.record({ kind: fc.constant('welcome' as const), version: fc.nat(), host: fc.string() }),
  fc.nat().map((sequence) => ({ kind: 'ack' as const, sequence })),
  fc
    .array(arbitraryInstrumentation, { maxLength: 3 })
    // How long roll-ups are kept is no matter to a program, and one that is paused never comes to it.
    .map((all) => all.map(asTold))
    .map((all) => ({ kind: 'wanted' as const, instrumentations: all, whole: all.length > 1 })),
);

function asTold(instrumentation: Instrumentation): Instrumentation {
  const { keepLevels: _keepLevels, pausedSecond: _pausedSecond, ...rest } = instrumentation;
  return rest;
}

/** Reads a stream that comes in pieces of the lengths given, round and round. */
function read<T>(
  stream: Uint8Array,
  pieces: readonly number[],
  decode: (kind: never, body: Buffer) => T,
): T[] {
  const reader = new FrameReader(LENGTH_MAX);
  const found: T[] = [];
  for (let at = 0, i = 0; at < stream.length; i++) {
    const piece = stream.subarray(at, at + pieces[i % pieces.length]!);
    for (const { kind, body } of reader.push(piece)) found.push(decode(kind as never, body));
    at += piece.length;
  }
  return found;
}

const plain = (message: FromProgram | FromInstrumenter): unknown =>
  message.kind === 'batch' ? { ...message, bytes: [...message.bytes] } : JSON.parse(JSON.stringify(message));

describe('the wire', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 });

  it('carries what a program says, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(arbitraryFromProgram), pieces, (messages, lengths) => {
        const stream = Buffer.concat(messages.map(encodeFrame));
        expect(read(stream, lengths, decodeFromProgram).map(plain)).toEqual(messages.map(plain));
      }),
    );
  });

  it('carries what the instrumenter says, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(arbitraryFromInstrumenter), pieces, (messages, lengths) => {
        const stream = Buffer.concat(messages.map(encodeFrame));
        expect(read(stream, lengths, decodeFromInstrumenter).map(plain)).toEqual(messages.map(plain));
      }),
    );
  });

  it('takes any bytes as messages or refuses them with a WireError', () => {
    const mutated = fc
      .tuple(
        fc.array(arbitraryFromProgram, { minLength: 1 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      )
      .map(([messages, changes]) => {
        const stream = Buffer.concat(messages.map(encodeFrame));
        for (const [at, byte] of changes) stream[at % stream.length] = byte;
        return stream;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), pieces, (stream, lengths) => {
        for (const decode of [decodeFromProgram, decodeFromInstrumenter]) {
          try {
            read<unknown>(stream, lengths, decode);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, unknown]>([
    ['hello', null],
    ['hello', []],
    ['hello', { version: 1, app: '', pid: 1, incarnation: '0011223344556677' }],
    ['hello', { version: 1, app: 'x'.repeat(65), pid: 1, incarnation: '0011223344556677' }],
    ['hello', { version: 1, app: 'x', pid: -1, incarnation: '0011223344556677' }],
    ['hello', { version: 1, app: 'x', pid: 1, incarnation: '0011223344556677/../' }],
    ['state', { id: 'a', state: { state: 'enabled' } }],
    ['state', { id: 'a'.repeat(65), state: { state: 'enabling' } }],
    ['state', { id: 'a', state: { state: 'toString' } }],
  ])('refuses a %s of %j', (kind, body) => {
    const bytes = Buffer.from(JSON.stringify(body));
    expect(() => decodeFromProgram(kind as 'hello', bytes)).toThrow(WireError);
  });

  it('refuses a frame that is too long before it holds it', () => {
    const reader = new FrameReader(1000);
    const header = Buffer.alloc(5);
    header.writeUInt32LE(1001, 0);
    expect(() => [...reader.push(header)]).toThrow('its length is 1001, expected 1..1000');
  });
});
