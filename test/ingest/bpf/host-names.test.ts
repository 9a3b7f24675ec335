import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostNames, postgresTitle } from '../../../src/ingest/bpf/host-names.ts';
import { normalizedQuery } from '../../../src/ingest/bpf/program-metrics.ts';
import { withDirectory } from '../temporary-directory.ts';

describe('names that the host knows', () => {
  it('of control groups are their paths, by inode, new and gone ones too', async () => {
    await withDirectory(async (root) => {
      const mount = join(root, 'unified');
      mkdirSync(join(mount, 'system.slice', 'pg.service'), { recursive: true });
      mkdirSync(join(root, 'self'));
      writeFileSync(join(root, 'self/mountinfo'), `28 24 0:25 / ${mount} rw - cgroup2 cgroup2 rw\n`);
      const names = hostNames({ proc: root, sys: root });
      const { cgroups } = names;
      const ascending = (a: number, b: number): number => a - b;
      const id = (path: string): number => statSync(join(mount, path)).ino;
      expect(cgroups.text(id('system.slice/pg.service'))).toBe('/system.slice/pg.service');
      expect(cgroups.text(id('.'))).toBe('/');
      expect(cgroups.ids!('/system.slice')).toEqual([id('system.slice')]);
      expect(cgroups.ids!('/system')).toEqual([]);
      mkdirSync(join(mount, 'system.slice', 'new'));
      expect(names.cgroupIds('/system.slice').toSorted(ascending)).toEqual(
        ['system.slice', 'system.slice/pg.service', 'system.slice/new'].map(id).toSorted(ascending),
      );
      expect(cgroups.text(999_999_999)).toBe('999999999');
    });
  });

  it('of disks are those of /dev', async () => {
    await withDirectory(async (sys) => {
      mkdirSync(join(sys, 'dev/block'), { recursive: true });
      mkdirSync(join(sys, 'class/block/vda'), { recursive: true });
      symlinkSync('../../devices/virtio0/block/vda', join(sys, 'dev/block/254:0'));
      writeFileSync(join(sys, 'class/block/vda/dev'), '254:0\n');
      const { disks } = hostNames({ sys });
      expect(disks.text(254 * 2 ** 20)).toBe('vda');
      expect(disks.text(8 * 2 ** 20 + 1)).toBe('8:1');
      expect(disks.ids!('vda')).toEqual([254 * 2 ** 20]);
      for (const name of ['vdb', '../../etc/passwd', '', 'vda/dev']) expect(disks.ids!(name)).toEqual([]);
    });
  });

  it('of a process are its arguments, also when it is gone', async () => {
    await withDirectory(async (proc) => {
      mkdirSync(join(proc, '77'));
      writeFileSync(join(proc, '77/cmdline'), 'postgres: 15/main: shop orders [local] SELECT\0\0');
      const names = hostNames({ proc });
      expect(names.arguments.text(77)).toBe('postgres: 15/main: shop orders [local] SELECT');
      expect([names.database.text(77), names.databaseUser.text(77)]).toEqual(['orders', 'shop']);
      writeFileSync(join(proc, '77/cmdline'), '');
      expect(names.arguments.text(77)).toContain('postgres');
      expect(names.arguments.text(78)).toBe('');
    });
  });

  it('of a postgres process are in its title, whatever it says else', () => {
    expect(postgresTitle('postgres: app app 10.0.0.7(5432) idle')).toEqual({ user: 'app', database: 'app' });
    expect(postgresTitle('postgres: 15/main: checkpointer ')).toEqual({ user: '', database: '' });
    expect(postgresTitle('/usr/bin/node app.js')).toEqual({ user: '', database: '' });
  });

  it('of a query are without its constants', () => {
    expect(normalizedQuery("SELECT *\n FROM t1 WHERE a = 17 AND b='it''s' AND c > 1.5")).toBe(
      'SELECT * FROM t1 WHERE a = ? AND b=? AND c > ?',
    );
    expect(normalizedQuery("INSERT INTO t VALUES (1, 'cut off he")).toBe('INSERT INTO t VALUES (?, ?');
  });
});
