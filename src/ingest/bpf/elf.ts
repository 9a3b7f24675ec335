/** What an ELF file offers to probes: symbols and USDT notes. Reads the few sections that say so, 64 bits and little
 *  endian, as Node runs on. bpftrace itself runs on and counts nothing where one of several symbols is missing: we
 *  look before. */
import { closeSync, openSync, readSync } from 'node:fs';

/** Of a symbol table or its names; a database server with all its symbols has 2 MB. */
const SECTION_BYTES_MAX = 64 * 1024 * 1024;
const SECTIONS_MAX = 4096;
const SHT_NOTE = 7;
const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;
const SYMBOL_BYTES = 24;

interface Section {
  readonly type: number;
  readonly link: number;
  readonly bytes: () => Buffer;
}

/** Whether the file defines the function, so that a uprobe finds it. */
export function hasSymbol(path: string, name: string): boolean {
  return inSections(path, (sections) =>
    sections
      .filter(({ type }) => type === SHT_DYNSYM || type === SHT_SYMTAB)
      .some((table) => definesSymbol(table.bytes(), sections[table.link]!.bytes(), name)),
  );
}

/** Whether the file has a USDT probe, `provider:name`. */
export function hasUsdt(path: string, name: string): boolean {
  const [provider = '', probe = ''] = name.split(':');
  // Behind three addresses a note has these two texts, and then the arguments.
  const wanted = Buffer.from(`${provider}\0${probe}\0`);
  return inSections(path, (sections) =>
    sections
      .filter(({ type }) => type === SHT_NOTE)
      .map((section) => section.bytes())
      .some((bytes) => hasNote(bytes, wanted)),
  );
}

function hasNote(bytes: Buffer, wanted: Buffer): boolean {
  for (let at = 0; at + 12 <= bytes.length;) {
    const [nameBytes, textBytes] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    const text = at + 12 + aligned(nameBytes);
    const owner = bytes.toString('latin1', at + 12, at + 12 + nameBytes);
    const named = text + ADDRESSES_BYTES;
    if (owner === 'stapsdt\0' && bytes.subarray(named, named + wanted.length).equals(wanted)) return true;
    at = text + aligned(textBytes);
  }
  return false;
}

const ADDRESSES_BYTES = 24;
const aligned = (bytes: number): number => Math.ceil(bytes / 4) * 4;

/** False where the file cannot be read or is no ELF file. */
function inSections(path: string, look: (sections: readonly Section[]) => boolean): boolean {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return false;
  }
  try {
    return look(sectionsOf(file));
  } catch {
    return false;
  } finally {
    closeSync(file);
  }
}

function sectionsOf(file: number): readonly Section[] {
  const header = bytesAt(file, 0, 64);
  if (header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1) return [];
  const offset = Number(header.readBigUInt64LE(0x28));
  const [each, count] = [header.readUInt16LE(0x3a), header.readUInt16LE(0x3c)];
  if (each < 64 || count > SECTIONS_MAX) return [];
  const table = bytesAt(file, offset, each * count);
  return Array.from({ length: count }, (_, i): Section => {
    const at = i * each;
    const start = Number(table.readBigUInt64LE(at + 0x18));
    const size = Number(table.readBigUInt64LE(at + 0x20));
    return {
      type: table.readUInt32LE(at + 4),
      link: table.readUInt32LE(at + 0x28),
      bytes: () => bytesAt(file, start, Math.min(size, SECTION_BYTES_MAX)),
    };
  });
}

function definesSymbol(symbols: Buffer, names: Buffer, name: string): boolean {
  for (let at = 0; at + SYMBOL_BYTES <= symbols.length; at += SYMBOL_BYTES) {
    const section = symbols.readUInt16LE(at + 6);
    const start = symbols.readUInt32LE(at);
    // A name that is only wanted from elsewhere has no section.
    if (section === 0 || names[start + name.length] !== 0) continue;
    if (names.toString('latin1', start, start + name.length) === name) return true;
  }
  return false;
}

function bytesAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const read = readSync(file, bytes, 0, length, position);
  return bytes.subarray(0, read);
}
