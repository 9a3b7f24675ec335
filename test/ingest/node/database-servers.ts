/** Database servers of a test's own, from Debian's packages (test/system/provide.mjs): each with its data in a directory
 *  of its own and on a Unix socket there, ended by process id. Nothing of them outlives the test. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Made in a second or two; on a machine that other tests keep busy, many times that. */
const START_MS_MAX = 60_000;
const POSTGRES = '/usr/lib/postgresql';

export interface DatabaseServer {
  /** Holds its data. Of PostgreSQL the host to connect to. */
  readonly directory: string;
  readonly socket: string;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** Where PostgreSQL's programs are. Throws where there are none. */
export function postgresPrograms(): string {
  const versions = existsSync(POSTGRES) ? readdirSync(POSTGRES) : [];
  const found = versions
    .map((version) => join(POSTGRES, version, 'bin'))
    .find((path) => existsSync(join(path, 'postgres')));
  if (found === undefined) throw new Error(`no PostgreSQL below ${POSTGRES}: node test/system/provide.mjs`);
  return found;
}

/** Anybody may connect as `bench`. It does not run as root, so its directory is not below one that only root may enter. */
export async function startPostgres(): Promise<DatabaseServer> {
  const programs = postgresPrograms();
  const directory = mkdtempSync('/var/tmp/tg-postgres-');
  const as = process.getuid?.() === 0 ? userOf('postgres') : undefined;
  if (as !== undefined) chownSync(directory, as.uid, as.gid);
  const data = join(directory, 'data');
  const how = { ...as, cwd: directory, stdio: 'ignore' } as const;
  execFileSync(join(programs, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'bench', '--no-sync'], how);
  const settings = ['-c', 'listen_addresses=', '-c', 'fsync=off'];
  const child = spawn(join(programs, 'postgres'), ['-D', data, '-k', directory, ...settings], how);
  return started({ directory, socket: join(directory, '.s.PGSQL.5432'), child }, () =>
    execFileSync(join(programs, 'pg_isready'), ['-h', directory], { stdio: 'ignore' }),
  );
}

/** Without tables of users: anybody may do anything. */
export async function startMariadb(): Promise<DatabaseServer> {
  const directory = mkdtempSync('/var/tmp/tg-mariadb-');
  const data = join(directory, 'data');
  const socket = join(directory, 'socket');
  mkdirSync(data);
  const arguments_ = [
    '--no-defaults',
    `--datadir=${data}`,
    `--socket=${socket}`,
    `--pid-file=${join(directory, 'pid')}`,
    '--skip-networking',
    '--skip-grant-tables',
    '--innodb-flush-log-at-trx-commit=0',
    '--innodb-buffer-pool-size=16M',
    '--innodb-log-file-size=4M',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
  const child = spawn('/usr/sbin/mariadbd', arguments_, { cwd: directory, stdio: 'ignore' });
  return started({ directory, socket, child });
}

export async function startRedis(): Promise<DatabaseServer> {
  const directory = mkdtempSync('/var/tmp/tg-redis-');
  const socket = join(directory, 'socket');
  const settings = ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', directory];
  const child = spawn('/usr/bin/redis-server', settings, { cwd: directory, stdio: 'ignore' });
  return started({ directory, socket, child });
}

function userOf(name: string): { uid: number; gid: number } {
  const of = (flag: string): number => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }));
  return { uid: of('-u'), gid: of('-g') };
}

/** Once its socket is there and `check` does not throw. */
async function started(
  server: Omit<DatabaseServer, 'stop'>,
  check: () => void = () => {},
): Promise<DatabaseServer> {
  const { child, directory, socket } = server;
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const stop = async (): Promise<void> => {
    process.removeListener('exit', end);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGQUIT');
      const giveUp = setTimeout(end, 5000);
      await once(child, 'exit');
      clearTimeout(giveUp);
    }
    rmSync(directory, { recursive: true, force: true });
  };
  for (const startMs = Date.now(); ; await sleep(50)) {
    try {
      if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
      if (!existsSync(socket)) throw new Error(`no socket ${socket}`);
      check();
      return { ...server, stop };
    } catch (error) {
      if (child.exitCode === null && Date.now() - startMs < START_MS_MAX) continue;
      await stop();
      throw error;
    }
  }
}
