/** Reads words and numbers out of the bytes of a kernel's text file, line by line, without making a text of what is
 *  passed over. Owns: a place in the bytes. Bytes are ASCII; spaces and tabs separate words. */

const NEWLINE = 10;
const SPACE = 32;
const TAB = 9;
const ZERO = 48;
const NINE = 57;

export class Scanner {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #lineEnd = -1;

  /** Begins before the first line of `bytes`, which stay as they are while they are read. */
  over(bytes: Buffer): this {
    this.#bytes = bytes;
    this.#at = 0;
    this.#lineEnd = -1;
    return this;
  }

  /** Goes to the next line; false where there is none. */
  nextLine(): boolean {
    const start = this.#lineEnd + 1;
    if (start >= this.#bytes.length) return false;
    const end = this.#bytes.indexOf(NEWLINE, start);
    this.#lineEnd = end < 0 ? this.#bytes.length : end;
    this.#at = start;
    return true;
  }

  /** Goes to the line that begins with `start`, wherever it is in the bytes, and behind it; false where there is none.
   *  Lines in between are not looked at. */
  find(start: Buffer): boolean {
    for (let at = this.#bytes.indexOf(start); at >= 0; at = this.#bytes.indexOf(start, at + 1)) {
      if (at > 0 && this.#bytes[at - 1] !== NEWLINE) continue;
      this.#lineEnd = at - 1;
      this.nextLine();
      this.#at = at + start.length;
      return true;
    }
    return false;
  }

  /** The next word of the line; '' at its end. */
  word(): string {
    const start = this.#skipSpace();
    this.skip();
    return this.#bytes.toString('latin1', start, this.#at);
  }

  /** Passes over a word. */
  skip(words = 1): void {
    for (let i = 0; i < words; i++) {
      this.#skipSpace();
      while (this.#at < this.#lineEnd && !isSpace(this.#bytes[this.#at]!)) this.#at++;
    }
  }

  /** The next word as a non-negative decimal number; NaN where it is none. The place is behind the word. */
  number(): number {
    const start = this.#skipSpace();
    let value = 0;
    for (; this.#at < this.#lineEnd; this.#at++) {
      const c = this.#bytes[this.#at]!;
      if (c < ZERO || c > NINE) break;
      value = value * 10 + (c - ZERO);
    }
    if (this.#at > start && (this.#at === this.#lineEnd || isSpace(this.#bytes[this.#at]!))) return value;
    while (this.#at < this.#lineEnd && !isSpace(this.#bytes[this.#at]!)) this.#at++;
    return Number.NaN;
  }

  /** Whether the line goes on with `text` at this very place; then the place is behind it. */
  takes(text: string): boolean {
    if (this.#at + text.length > this.#lineEnd) return false;
    for (let i = 0; i < text.length; i++) {
      if (this.#bytes[this.#at + i] !== text.charCodeAt(i)) return false;
    }
    this.#at += text.length;
    return true;
  }

  /** What goes before the next `sign` of the line, from the next word on; the place is behind the sign. Undefined,
   *  and the place as it was, where the line has none. */
  before(sign: string): string | undefined {
    const start = this.#skipSpace();
    const at = this.#bytes.indexOf(sign.charCodeAt(0), start);
    if (at < 0 || at >= this.#lineEnd) return undefined;
    this.#at = at + 1;
    return this.#bytes.toString('latin1', start, at);
  }

  /** The rest of the line, as bytes of the file. */
  rest(): Buffer {
    return this.#bytes.subarray(this.#skipSpace(), this.#lineEnd);
  }

  #skipSpace(): number {
    while (this.#at < this.#lineEnd && isSpace(this.#bytes[this.#at]!)) this.#at++;
    return this.#at;
  }
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}
