/** A temporary directory with a log in it, and its bytes as values. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readLogFiles } from '../../src/log/log-directory.ts';
import { openFileLog } from '../../src/log/file-log.ts';
import { systemClock } from '../../src/model/clock.ts';

export function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'tailglow-log-'));
  return use(directory).finally(() => rmSync(directory, { recursive: true }));
}

export function logFilesOf(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.tglog'))
    .toSorted()
    .map((name) => path.join(directory, name));
}

/** Writes a log of these commit groups. */
export async function writeLog(
  directory: string,
  groups: readonly (readonly Uint8Array[])[],
  fileBytes = 64 * 1024 * 1024,
): Promise<void> {
  const log = await openFileLog(directory, { clock: systemClock, fileBytes });
  for (const group of groups) await Promise.all(group.map((payload) => log.append(payload)));
  await log.close();
}

/** Replaces the bytes of a file. */
export function rewrite(file: string, change: (bytes: Buffer) => Uint8Array): void {
  writeFileSync(file, change(readFileSync(file)));
}

/** The payloads of a directory as hexadecimal text; throws on damage that is not a torn end. */
export function payloadsOf(directory: string): string[] {
  return [...readLogFiles(directory)].flatMap((finding) => {
    if (finding.kind === 'entry') return [Buffer.from(finding.entry.payload).toString('hex')];
    if (!finding.torn) throw new Error(`${finding.path} at ${finding.offsetBytes}: ${finding.what}`);
    return [];
  });
}
