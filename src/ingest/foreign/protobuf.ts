/** Reads protobuf's wire format off bytes that nobody vouches for. Owns: tags, the scalar forms, skipping. Does not:
 *  know messages, copy, recurse: who reads a message of messages enters and leaves them by position, so the depth is
 *  that of the reader's own code, whatever the bytes say.
 *  Every read checks its bounds; the only error is WireError, with the place. Groups (long deprecated) are refused. */

export class WireError extends Error {
  readonly code = 'WIRE';
  readonly offsetBytes: number;
  constructor(offsetBytes: number, what: string) {
    super(`Cannot read protobuf at byte ${offsetBytes}: ${what}`);
    this.offsetBytes = offsetBytes;
  }
}

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;

const TWO_32 = 0x1_0000_0000;

export class ProtoReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;
  /** Where the message that is being read ends. */
  end: number;
  /** Of the field that `next` came to. */
  field = 0;
  wire = 0;
  /** Words of the newest integer: all 64 bits. */
  low = 0;
  high = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.length;
  }

  /** Comes to the next field of this message; false at its end. */
  next(): boolean {
    const { at } = this;
    if (at >= this.end) return false;
    const byte = this.bytes[at]!;
    if (byte >= 8 && byte < 0x80) {
      this.at = at + 1;
      this.field = byte >> 3;
      this.wire = byte & 7;
      return true;
    }
    const tag = this.unsigned();
    this.field = Math.floor(tag / 8);
    this.wire = tag & 7;
    if (this.field === 0 || this.field > 0x1fff_ffff) throw this.fault(`a field has number ${this.field}`);
    return true;
  }

  /** Whether the field has this form; another form of a known field is skipped like an unknown field. */
  is(field: number, wire: number): boolean {
    return this.field === field && this.wire === wire;
  }

  /** Enters the message in this field. Gives the end of the one it stands in, for `leave`. */
  enter(): number {
    const outer = this.end;
    this.end = this.lengthEnd();
    return outer;
  }

  leave(outer: number): void {
    this.at = this.end;
    this.end = outer;
  }

  skip(): void {
    switch (this.wire) {
      case VARINT:
        this.varint();
        return;
      case FIXED64:
        return this.#pass(8);
      case LENGTH:
        this.at = this.lengthEnd();
        return;
      case FIXED32:
        return this.#pass(4);
      default:
        throw this.fault(`wire type ${this.wire}, expected 0, 1, 2 or 5`);
    }
  }

  /** Reads a length; gives where what it is the length of ends, within this message. */
  lengthEnd(): number {
    const length = this.unsigned();
    const end = this.at + length;
    if (end > this.end)
      throw this.fault(`a length of ${length}, of which ${this.end - this.at} bytes are there`);
    return end;
  }

  /** Reads a varint into `low` and `high`. */
  varint(): void {
    const { bytes, end } = this;
    let at = this.at;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) throw this.fault('an integer that does not end');
      const byte = bytes[at++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.at = at;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw this.fault('an integer of more than ten bytes');
  }

  /** An unsigned integer; above 2^53 the nearest number. */
  unsigned(): number {
    const byte = this.at < this.end ? this.bytes[this.at]! : 0x80;
    if (byte < 0x80) {
      this.at++;
      return byte;
    }
    this.varint();
    return this.high * TWO_32 + this.low;
  }

  /** int64 or int32: two's complement. */
  signed(): number {
    this.varint();
    return (this.high | 0) * TWO_32 + this.low;
  }

  /** sint64 or sint32: zigzag. */
  zigzag(): number {
    this.varint();
    const half = (this.high >>> 1) * TWO_32 + (((this.low >>> 1) | (this.high << 31)) >>> 0);
    return (this.low & 1) === 0 ? half : -half - 1;
  }

  /** Reads eight bytes into `low` and `high`. */
  fixed64(): void {
    const at = this.at;
    this.#pass(8);
    this.low = this.#view.getUint32(at, true);
    this.high = this.#view.getUint32(at + 4, true);
  }

  fixed64Unsigned(): number {
    this.fixed64();
    return this.high * TWO_32 + this.low;
  }

  fixed64Signed(): number {
    this.fixed64();
    return (this.high | 0) * TWO_32 + this.low;
  }

  double(): number {
    const at = this.at;
    this.#pass(8);
    return this.#view.getFloat64(at, true);
  }

  /** The bytes of a length-delimited field, in place. */
  take(): Uint8Array {
    const end = this.lengthEnd();
    const taken = this.bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  text(): string {
    const taken = this.take();
    return Buffer.from(taken.buffer, taken.byteOffset, taken.length).toString('utf8');
  }

  /** Appends the numbers of a repeated field, packed or not, as `read` gives them; at most `max`. */
  repeated(into: number[], read: () => number, max: number): void {
    if (this.wire !== LENGTH) return this.#append(into, read(), max);
    const outer = this.enter();
    while (this.at < this.end) this.#append(into, read(), max);
    this.leave(outer);
  }

  fault(what: string): WireError {
    return new WireError(this.at, what);
  }

  #append(into: number[], value: number, max: number): void {
    if (into.length >= max) throw this.fault(`more than ${max} values`);
    into.push(value);
  }

  #pass(count: number): void {
    if (this.at + count > this.end) throw this.fault(`expected ${count} bytes, found ${this.end - this.at}`);
    this.at += count;
  }
}

/** Writes what this system answers: a few small fields. */
export function protoField(field: number, value: number | string | Uint8Array): Buffer {
  if (typeof value === 'number') return Buffer.concat([varintBytes(field * 8 + VARINT), varintBytes(value)]);
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return Buffer.concat([varintBytes(field * 8 + LENGTH), varintBytes(bytes.length), bytes]);
}

function varintBytes(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}
