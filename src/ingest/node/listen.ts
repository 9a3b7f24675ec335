/** Makes the unix socket that measured programs find: its directory, its path, the stale socket of a process that
 *  was killed. Does not: speak on it. */
import { lstat, mkdir, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { DriverError } from '../driver.ts';
import { defaultSocketPath, SOCKET_PATH_BYTES_MAX } from './socket-path.ts';

/** Rejects with DriverError. A socket that another instrumenter answers on is left alone. */
export async function listenAt(server: Server, path: string): Promise<void> {
  const lengthBytes = Buffer.byteLength(path);
  if (lengthBytes > SOCKET_PATH_BYTES_MAX) {
    throw new DriverError(
      'SOCKET',
      `Cannot listen on "${path}": the path has ${lengthBytes} bytes, expected at most ${SOCKET_PATH_BYTES_MAX}`,
    );
  }
  await makeDirectory(path);
  try {
    await listenOnce(server, path);
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE') throw cannotListen(path, error);
    if (await answers(path)) {
      throw new DriverError('SOCKET', `Cannot listen on "${path}": another instrumenter does`);
    }
    await unlink(path).catch(() => {}); // what is wrong with it shows at the next line
    await listenOnce(server, path).catch((again: unknown) => {
      throw cannotListen(path, again);
    });
  }
}

/** 0700 where it is made here. The default one lies where anybody may have made it first. */
async function makeDirectory(path: string): Promise<void> {
  const directory = dirname(path);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw cannotListen(path, cause);
  }
  if (path !== defaultSocketPath()) return;
  const found = await lstat(directory);
  const own = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  if (own) return;
  throw new DriverError(
    'SOCKET',
    `Cannot listen on "${path}": directory "${directory}" is not this user's alone, expected mode 0700`,
  );
}

function listenOnce(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const say = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => say(true));
    socket.once('error', () => say(false));
  });
}

function cannotListen(path: string, cause: unknown): DriverError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DriverError('SOCKET', `Cannot listen on "${path}": ${reason}`, { cause });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
