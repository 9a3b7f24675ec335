import { statfs } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { FILE_SYSTEM, FileSystems } from '../../../src/ingest/proc/file-systems.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { withFixtureTree } from './fixture-tree.ts';

const sleep = systemClock.sleep.bind(systemClock);

describe('file systems', () => {
  it('are told once each, with what they hold; kinds add up to the size', async () => {
    const subject = new FileSystems({ root: '/', proc: '/proc', sleep });
    const { things, faults } = await subject.sample();
    expect(faults).toEqual([]);
    const root = [...things.values()].find(({ fields }) => fields['mount'] === '/')!;
    const { blocks, bsize, files } = await statfs('/');
    const sum = (...columns: number[]): number => columns.reduce((all, c) => all + root.numbers[c]!, 0);
    expect(sum(FILE_SYSTEM.used, FILE_SYSTEM.free, FILE_SYSTEM.reserved)).toBe(blocks * bsize);
    if (files > 0) expect(sum(FILE_SYSTEM.inodesUsed, FILE_SYSTEM.inodesFree)).toBe(files);
    expect([...things.values()].map(({ fields }) => fields['fstype'])).not.toContain('proc');
    subject.close();
  });

  it('of a network are left alone, those that are gone too, and a second mount is no second one', async () => {
    await withFixtureTree([], async ({ root, proc, write }) => {
      await write({
        'proc/self/mounts': `a /one ext4 rw 0 0\nb /two ext4 rw 0 0\nc /gone ext4 rw 0 0\nserver:/x /far nfs4 rw 0 0\n`,
        'one/x': '',
        'two/x': '',
        'far/x': '',
      });
      const subject = new FileSystems({ root, proc, sleep });
      const { things } = await subject.sample();
      expect([...things.values()].map(({ fields }) => fields)).toEqual([
        { mount: '/one', device: 'a', fstype: 'ext4' },
      ]);
      subject.close();
    });
  });

  it('say where none can be told', async () => {
    await withFixtureTree([], async ({ root, proc }) => {
      const { things, faults } = await new FileSystems({ root, proc, sleep }).sample();
      expect(things.size).toBe(0);
      expect(faults[0]).toContain('ENOENT');
    });
  });
});
