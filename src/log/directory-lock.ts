/** One writer a directory: an flock(2) on the file `lock` in it, whose text is the holder's process id. The
 *  kernel gives the lock up when its holder dies, however it dies, also when process ids do not tell (another
 *  container on the same volume). Node has no flock, so the program flock(1) of util-linux takes it on our open
 *  file; the lock belongs to the open file and stays when that program ends. */
import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import path from 'node:path';

export class LogLockedError extends Error {
  readonly code = 'LOG_LOCKED';
  readonly directory: string;
  /** What the holder wrote of itself; undefined where it has not yet. */
  readonly pid: number | undefined;
  constructor(directory: string, pid: number | undefined, options?: ErrorOptions) {
    super(`Cannot open log "${directory}": process ${pid ?? 'unknown'} has it open`, options);
    this.directory = directory;
    this.pid = pid;
  }
}

export interface DirectoryLock {
  release(): Promise<void>;
}

/** Throws LogLockedError when another open log holds it, in this process or another. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const handle = await open(path.join(directory, 'lock'), 'a+');
  try {
    if (!(await flock(handle.fd, directory))) {
      const pid = Number.parseInt(await handle.readFile('utf8'), 10);
      throw new LogLockedError(directory, Number.isNaN(pid) ? undefined : pid);
    }
    await handle.truncate(0);
    await handle.write(`${process.pid}\n`);
    return { release: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function flock(fd: number, directory: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    child.once('error', (cause) => {
      reject(
        new Error(`Cannot lock log "${directory}": the program flock (util-linux) does not run`, { cause }),
      );
    });
    child.once('exit', (code) => {
      if (code === 0 || code === 1) resolve(code === 0);
      else reject(new Error(`Cannot lock log "${directory}": flock ended with ${code}, expected 0 or 1`));
    });
  });
}
