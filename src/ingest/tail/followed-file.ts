/** A log file that is followed by its name, through rotation: renamed and made anew (what was renamed is read to its end
 *  while it still grows), or copied and truncated (read again from its beginning). Owns: the open files, the place in
 *  each. Does not: wait, know what a line means. Reads are synchronous: the file is there, and one follows it alone.
 *  Bounded: a piece a read, so many rotated files that wait; what goes past that, or was cut off unread, is told. */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Lines that are longer are left out, and told. */
const LINE_BYTES_MAX = 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
/** Rotated files that are read to their end, or wait until they can be. */
const ROTATED_MAX = 8;
/** A rotated file that did not grow in so many looks is over: its writer has the new one open. */
const STILL_LOOKS = 10;
/** A file is told from another that took its place by its first bytes. */
const HEAD_BYTES = 64;

/** Where one was: enough to go on from there in another life of this process. */
export interface FilePlace {
  readonly inode: number;
  /** Behind the last whole line. */
  readonly offset: number;
  /** Its first bytes, hexadecimal. */
  readonly head: string;
}

export interface ReadPiece {
  readonly lines: readonly FollowedLine[];
  /** There was more than a piece. */
  readonly hasMore: boolean;
}

export interface FollowedLine {
  /** Undefined where it is too long. */
  readonly text: string | undefined;
  /** Where it begins in its file. */
  readonly offset: number;
}

interface OpenFile {
  readonly descriptor: number;
  readonly inode: number;
  head: string;
  /** Of the next byte that is read. */
  offset: number;
  /** The beginning of a line whose end is not there yet. */
  rest: Buffer;
  /** The line at hand is too long: it is passed over. */
  isTooLong: boolean;
  stillLooks: number;
}

export interface FollowOptions {
  readonly path: string;
  /** Where it was before; else at its end, or its beginning. */
  readonly from: readonly FilePlace[] | 'end' | 'start';
  /** Something was lost, or may have been. */
  readonly onLost: (what: string) => void;
}

export class FollowedFile {
  readonly #options: FollowOptions;
  /** The oldest first; the last has the name, or had it last. */
  #files: OpenFile[] = [];
  #isFirst = true;

  constructor(options: FollowOptions) {
    this.#options = options;
    if (typeof options.from !== 'string') this.#resume(options.from);
    this.look();
  }

  /** After what `read` gave last. */
  get places(): FilePlace[] {
    return this.#files.map(({ inode, offset, rest, head }) => ({
      inode,
      offset: offset - rest.length,
      head,
    }));
  }

  /** Sees what became of the name since the last look: call it about once a second, also when nothing is read. */
  look(): void {
    const { path, from } = this.#options;
    const stat = statSync(path, { throwIfNoEntry: false });
    const newest = this.#files.at(-1);
    if (stat?.isFile() === true && stat.ino !== newest?.inode) {
      const atEnd = this.#isFirst && from === 'end';
      this.#open(path, atEnd ? stat.size : 0);
    }
    this.#isFirst = false;
    for (const file of this.#files) this.#seeTruncated(file);
    this.#closeOver();
  }

  /** Lines that are whole, the oldest file first. */
  read(): ReadPiece {
    const lines: FollowedLine[] = [];
    let hasMore = false;
    for (const file of this.#files) {
      const piece = readPiece(file, lines);
      file.stillLooks = piece > 0 ? 0 : file.stillLooks + 1;
      hasMore ||= piece === PIECE_BYTES;
    }
    return { lines, hasMore };
  }

  close(): void {
    for (const { descriptor } of this.#files) closeSync(descriptor);
    this.#files = [];
  }

  #open(path: string, offset: number): void {
    let descriptor: number;
    try {
      descriptor = openSync(path, 'r');
    } catch {
      return; // it was renamed just now
    }
    const inode = fstatSync(descriptor).ino;
    const file = {
      descriptor,
      inode,
      offset,
      head: '',
      rest: Buffer.alloc(0),
      isTooLong: false,
      stillLooks: 0,
    };
    this.#files.push({ ...file, head: headOf(descriptor) });
    if (this.#files.length <= ROTATED_MAX + 1) return;
    const gone = this.#files.shift()!;
    const unread = fstatSync(gone.descriptor).size - gone.offset;
    closeSync(gone.descriptor);
    if (unread > 0)
      this.#options.onLost(`${unread} bytes of a rotated file: ${ROTATED_MAX} others wait already`);
  }

  /** It holds less than was read, or begins otherwise: somebody cut it. */
  #seeTruncated(file: OpenFile): void {
    const { size } = fstatSync(file.descriptor);
    const head = headOf(file.descriptor);
    const begins = head.startsWith(file.head);
    if (size >= file.offset && begins) {
      file.head = head;
      return;
    }
    this.#options.onLost('it was truncated: what was written between the last look and that is not known');
    Object.assign(file, { head, offset: 0, rest: Buffer.alloc(0), isTooLong: false });
  }

  #closeOver(): void {
    const newest = this.#files.at(-1);
    this.#files = this.#files.filter((file) => {
      if (file === newest || file.stillLooks < STILL_LOOKS) return true;
      closeSync(file.descriptor);
      return false;
    });
  }

  /** Looks for the files by their inodes, under the name or under one that rotation gave: the name and more. */
  #resume(places: readonly FilePlace[]): void {
    const { path, onLost } = this.#options;
    const siblings = siblingsOf(path);
    let newestMs = 0;
    const used = new Set<Sibling>();
    for (const { inode, offset, head } of places) {
      const fits = siblings.filter((file) => file.size >= offset && file.head.startsWith(head));
      // What was copied before it was truncated has the same beginning under another inode.
      const found = fits.find((file) => file.inode === inode) ?? fits.find(() => head !== '');
      if (found === undefined) {
        onLost('a file that was read before is gone, or was truncated: what followed in it is not known');
        continue;
      }
      used.add(found);
      newestMs = Math.max(newestMs, found.changedMs);
      this.#open(found.path, offset);
    }
    if (used.size === 0) return;
    const isKnown = ({ head }: Sibling): boolean => [...used].some((file) => file.head === head);
    const between = siblings.filter(
      (file) => file.path !== path && file.changedMs > newestMs && !isKnown(file),
    );
    const current = siblings.find((file) => file.path === path);
    for (const file of between) if (file.head !== current?.head) this.#open(file.path, 0);
  }
}

interface Sibling {
  readonly path: string;
  readonly inode: number;
  readonly size: number;
  readonly head: string;
  readonly changedMs: number;
}

/** The file and its rotated ones that can be read as they are, the oldest first. */
function siblingsOf(path: string): Sibling[] {
  const folder = dirname(path);
  const names = readdirSync(folder).filter(
    (name) => name.startsWith(basename(path)) && !/\.(gz|xz|zst|bz2)$/.test(name),
  );
  return names
    .flatMap((name) => {
      const at = join(folder, name);
      const stat = statSync(at, { throwIfNoEntry: false });
      if (stat?.isFile() !== true) return [];
      return [{ path: at, inode: stat.ino, size: stat.size, head: headAt(at), changedMs: stat.mtimeMs }];
    })
    .toSorted((a, b) => a.changedMs - b.changedMs);
}

function headAt(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    return headOf(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function headOf(descriptor: number): string {
  const bytes = Buffer.alloc(HEAD_BYTES);
  return bytes.toString('hex', 0, readSync(descriptor, bytes, 0, HEAD_BYTES, 0));
}

/** How many bytes were read; the whole lines in them go to `lines`. */
function readPiece(file: OpenFile, lines: FollowedLine[]): number {
  const bytes = Buffer.allocUnsafe(PIECE_BYTES);
  const got = readSync(file.descriptor, bytes, 0, PIECE_BYTES, file.offset);
  let start = file.offset - file.rest.length;
  file.offset += got;
  const text =
    file.rest.length === 0 ? bytes.subarray(0, got) : Buffer.concat([file.rest, bytes.subarray(0, got)]);
  let at = 0;
  for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10, at)) {
    const line = text.subarray(at, end);
    if (file.isTooLong || line.length > LINE_BYTES_MAX) lines.push({ text: undefined, offset: start });
    else if (line.length > 0) lines.push({ text: line.toString('utf8').replace(/\r$/, ''), offset: start });
    file.isTooLong = false;
    start += end + 1 - at;
    at = end + 1;
  }
  const rest = text.subarray(at);
  file.isTooLong ||= rest.length > LINE_BYTES_MAX;
  file.rest = file.isTooLong ? Buffer.alloc(0) : Buffer.from(rest);
  return got;
}
