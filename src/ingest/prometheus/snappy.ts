/** Undoes snappy's block format, which remote write comes in. Bounded by `bytesMax`; throws SnappyError. */

export class SnappyError extends Error {
  readonly code = 'SNAPPY';
}

export function unsnappy(input: Uint8Array, bytesMax: number): Uint8Array {
  let at = 0;
  const byte = (): number => {
    if (at >= input.length) throw new SnappyError('Cannot undo snappy: the input ends in the middle');
    return input[at++]!;
  };
  const little = (bytes: number): number => {
    let value = 0;
    for (let i = 0; i < bytes; i++) value += byte() * 2 ** (8 * i);
    return value;
  };
  const output = new Uint8Array(lengthOf(byte, bytesMax));
  let end = 0;
  const room = (length: number): void => {
    if (end + length > output.length)
      throw new SnappyError('Cannot undo snappy: more comes than was announced');
  };
  while (at < input.length) {
    const tag = byte();
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >> 2;
      const length = (short < 60 ? short : little(short - 59)) + 1;
      if (at + length > input.length)
        throw new SnappyError('Cannot undo snappy: the input ends in the middle');
      room(length);
      output.set(input.subarray(at, at + length), end);
      at += length;
      end += length;
      continue;
    }
    const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const offset = kind === 1 ? ((tag >> 5) << 8) + byte() : little(kind === 2 ? 2 : 4);
    if (offset === 0 || offset > end)
      throw new SnappyError('Cannot undo snappy: a copy from before the beginning');
    room(length);
    // Byte by byte: a copy may overlap what it writes.
    for (let i = 0; i < length; i++, end++) output[end] = output[end - offset]!;
  }
  if (end !== output.length) throw new SnappyError('Cannot undo snappy: less comes than was announced');
  return output;
}

function lengthOf(byte: () => number, bytesMax: number): number {
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const next = byte();
    length += (next & 0x7f) * 2 ** (7 * i);
    if (next < 0x80) {
      if (length <= bytesMax) return length;
      throw new SnappyError(`Cannot undo snappy: ${length} bytes, at most ${bytesMax} are taken`);
    }
  }
  throw new SnappyError('Cannot undo snappy: its length does not end');
}
