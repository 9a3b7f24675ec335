import { appendFileSync, copyFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FilePlace, FollowedFile } from '../../../src/ingest/tail/followed-file.ts';
import { withDirectory } from '../temporary-directory.ts';

interface World {
  readonly path: string;
  readonly lost: string[];
  readonly follow: (from: readonly FilePlace[] | 'end' | 'start') => FollowedFile;
}

async function inWorld(use: (world: World) => void): Promise<void> {
  await withDirectory(async (directory) => {
    const path = join(directory, 'access.log');
    const lost: string[] = [];
    use({
      path,
      lost,
      follow: (from) => new FollowedFile({ path, from, onLost: (what) => lost.push(what) }),
    });
  });
}

/** Looks and reads, as once a second. */
function read(file: FollowedFile): (string | undefined)[] {
  file.look();
  const lines: (string | undefined)[] = [];
  for (let hasMore = true; hasMore;) {
    const piece = file.read();
    lines.push(...piece.lines.map(({ text }) => text));
    ({ hasMore } = piece);
  }
  return lines;
}

describe('a file that is followed', () => {
  it('gives what is written after one began, whole lines only', async () => {
    await inWorld(({ path, follow }) => {
      writeFileSync(path, 'before\n');
      const file = follow('end');
      expect(read(file)).toEqual([]);
      appendFileSync(path, 'one\ntw');
      expect(read(file)).toEqual(['one']);
      appendFileSync(path, 'o\r\n\nthree\n');
      expect(read(file)).toEqual(['two', 'three']);
      file.close();
    });
  });

  it('is read from its start where it is not there yet, or one asks for it', async () => {
    await inWorld(({ path, follow, lost }) => {
      const file = follow('end');
      expect(read(file)).toEqual([]);
      writeFileSync(path, 'first\n');
      expect(read(file)).toEqual(['first']);
      expect(read(follow('start'))).toEqual(['first']);
      expect(lost).toEqual([]);
    });
  });

  it('is followed through rename and create, the old one to its end', async () => {
    await inWorld(({ path, follow, lost }) => {
      writeFileSync(path, 'a\n');
      const file = follow('start');
      expect(read(file)).toEqual(['a']);
      renameSync(path, `${path}.1`);
      appendFileSync(`${path}.1`, 'b\n');
      expect(read(file)).toEqual(['b']);
      writeFileSync(path, 'd\n');
      appendFileSync(`${path}.1`, 'c\n');
      expect(read(file)).toEqual(['c', 'd']);
      // The writer may have the old one open for a while.
      appendFileSync(`${path}.1`, 'late\n');
      expect(read(file)).toEqual(['late']);
      for (let i = 0; i < 12; i++) read(file);
      expect(file.places).toHaveLength(1);
      expect(lost).toEqual([]);
      file.close();
    });
  });

  it('is followed through copy and truncate, also where it has grown past the place since', async () => {
    await inWorld(({ path, follow, lost }) => {
      writeFileSync(path, 'a1\na2\n');
      const file = follow('start');
      expect(read(file)).toEqual(['a1', 'a2']);
      copyFileSync(path, `${path}.1`);
      truncateSync(path);
      appendFileSync(path, 'b\n');
      expect(read(file)).toEqual(['b']);
      truncateSync(path);
      appendFileSync(path, 'other, and longer\n');
      expect(read(file)).toEqual(['other, and longer']);
      expect(lost).toHaveLength(2);
      file.close();
    });
  });

  it('keeps rotated files open while nothing is read, up to a bound, and says what that costs', async () => {
    await inWorld(({ path, follow, lost }) => {
      writeFileSync(path, '');
      const file = follow('start');
      for (let i = 0; i < 11; i++) {
        appendFileSync(path, `${i}\n`);
        renameSync(path, `${path}.${i}`);
        writeFileSync(path, '');
        rmSync(`${path}.${i}`);
        file.look();
      }
      expect(read(file)).toEqual(['3', '4', '5', '6', '7', '8', '9', '10']);
      expect(lost).toEqual(
        Array.from({ length: 3 }, () => '2 bytes of a rotated file: 8 others wait already'),
      );
      file.close();
    });
  });

  it('passes over a line that is too long', async () => {
    await inWorld(({ path, follow }) => {
      writeFileSync(path, `a\n${'x'.repeat(2_500_000)}\nb\n`);
      expect(read(follow('start'))).toEqual(['a', undefined, 'b']);
    });
  });

  it('gives each line once, however often it is begun again and rotated', async () => {
    await inWorld(({ path, lost }) => {
      const step = fc.constantFrom('write', 'part', 'rotate', 'read', 'again') as fc.Arbitrary<
        'write' | 'part' | 'rotate' | 'read' | 'again'
      >;
      let run = 0;
      fc.assert(
        fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
          const name = `${path}-${run++}-`;
          writeFileSync(name, 'head\n');
          const open = (from: readonly FilePlace[] | 'start'): FollowedFile =>
            new FollowedFile({ path: name, from, onLost: (what) => lost.push(what) });
          let file = open('start');
          const [written, got]: [string[], (string | undefined)[]] = [['head'], []];
          let rotated = 0;
          let part = '';
          for (const [i, what] of steps.entries()) {
            if (what === 'write') {
              appendFileSync(name, `${i}\n`);
              written.push(`${part}${i}`);
              part = '';
            } else if (what === 'part') {
              appendFileSync(name, 'p');
              part += 'p';
            } else if (what === 'rotate' && part === '' && rotated < 5) {
              renameSync(name, `${name}.${++rotated}`);
              writeFileSync(name, `after ${rotated}\n`);
              written.push(`after ${rotated}`);
              file.look();
            } else if (what === 'read') got.push(...read(file));
            else if (what === 'again') {
              const { places } = file;
              file.close();
              file = open(places);
            }
          }
          got.push(...read(file));
          file.close();
          expect(new Set(got)).toEqual(new Set(written));
          expect(got).toHaveLength(written.length);
          expect(lost).toEqual([]);
        }),
        { numRuns: 60 },
      );
    });
  });

  it('goes on in the copy where it was copied and truncated meanwhile, and takes no copy for a file of its own', async () => {
    await inWorld(({ path, follow, lost }) => {
      writeFileSync(path, 'a1\na2\n');
      const before = follow('start');
      before.look();
      before.read();
      const { places } = before;
      before.close();
      appendFileSync(path, 'a3\n');
      copyFileSync(path, `${path}.1`);
      expect(read(follow(places))).toEqual(['a3']);
      truncateSync(path);
      appendFileSync(path, 'b1\n');
      expect(read(follow(places))).toEqual(['a3', 'b1']);
      expect(lost).toEqual([]);
    });
  });

  it('says that a file it had read is gone, and goes on with the one there is', async () => {
    await inWorld(({ path, follow, lost }) => {
      writeFileSync(path, 'a\n');
      const before = follow('start');
      read(before);
      const { places } = before;
      before.close();
      writeFileSync(`${path}.new`, 'b\n');
      renameSync(`${path}.new`, path);
      expect(read(follow(places))).toEqual(['b']);
      expect(lost).toHaveLength(1);
    });
  });
});
