import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasSymbol, hasUsdt } from '../../../src/ingest/bpf/elf.ts';
import { lookAtMachine } from '../../../src/ingest/bpf/machine.ts';
import { withDirectory } from '../temporary-directory.ts';

describe.runIf(process.platform === 'linux')('an ELF file', () => {
  const { libc } = lookAtMachine().paths;

  it('says which functions it defines, and not which it only wants', () => {
    expect(hasSymbol(libc!, 'getaddrinfo')).toBe(true);
    expect(hasSymbol(libc!, 'getaddrinf')).toBe(false);
    expect(hasSymbol(libc!, 'no_such_function')).toBe(false);
    const sh = execFileSync('/bin/sh', ['-c', 'readlink -f /bin/sh'], { encoding: 'utf8' }).trim();
    expect(hasSymbol(sh, 'getaddrinfo')).toBe(false);
  });

  it('says which probes it has', async () => {
    await withDirectory(async (directory) => {
      const path = join(directory, 'probed');
      writeFileSync(path, withNote('postgresql', 'query__start'));
      expect(hasUsdt(path, 'postgresql:query__start')).toBe(true);
      for (const other of ['postgresql:query__star', 'ostgresql:query__start', 'postgresql:query', '', ':']) {
        expect(hasUsdt(path, other)).toBe(false);
      }
      expect(hasUsdt(libc!, 'postgresql:query__start')).toBe(false);
    });
  });

  it('that is none, is cut, or is missing has nothing', async () => {
    await withDirectory(async (directory) => {
      const path = join(directory, 'broken');
      const whole = readFileSync(libc!);
      for (const bytes of [
        Buffer.alloc(0),
        Buffer.from('#!/bin/sh\n'),
        whole.subarray(0, 63),
        whole.subarray(0, 4096),
        Buffer.alloc(9999, 0x7f),
      ]) {
        writeFileSync(path, bytes);
        expect([hasSymbol(path, 'getaddrinfo'), hasUsdt(path, 'libc:setjmp')]).toEqual([false, false]);
      }
      expect(hasSymbol(join(directory, 'missing'), 'getaddrinfo')).toBe(false);
    });
  });
});

/** A file of one section: a note as <sys/sdt.h> makes it. */
function withNote(provider: string, name: string): Buffer {
  const text = Buffer.from(`${provider}\0${name}\0-8@%rdi\0`);
  const note = Buffer.alloc(12 + 8 + 24 + text.length);
  note.writeUInt32LE(8, 0);
  note.writeUInt32LE(24 + text.length, 4);
  note.writeUInt32LE(3, 8);
  note.write('stapsdt\0', 12);
  text.copy(note, 44);
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0x7f454c46, 0);
  header.set([2, 1, 1], 4);
  header.writeBigUInt64LE(64n, 0x28);
  header.writeUInt16LE(64, 0x3a);
  header.writeUInt16LE(1, 0x3c);
  const section = Buffer.alloc(64);
  section.writeUInt32LE(7, 4);
  section.writeBigUInt64LE(128n, 0x18);
  section.writeBigUInt64LE(BigInt(note.length), 0x20);
  return Buffer.concat([header, section, note]);
}
