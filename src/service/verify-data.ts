/** Reads a whole data directory, log and stores, and says what is damaged. Changes nothing. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Kernel } from '../kernel/kernel.ts';
import { loadKernel } from '../kernel/native.ts';
import { readLogFiles } from '../log/log-directory.ts';
import { ControlEventError } from '../model/control.ts';
import { decodeEntry, ReportCorruptError } from '../model/report.ts';
import { verifyStore } from '../store/verify.ts';
import { checkAgainstLog, checkRollUps, comparedStore } from './cross-check.ts';
import { storeNames } from './ownership.ts';
import type { ReplayProgress } from './replay.ts';
import type { DataVerification } from './verification.ts';

export interface VerifyOptions {
  readonly kernel: 'native' | 'reference';
  /** Checksums only. */
  readonly quick: boolean;
  readonly onProgress: (progress: ReplayProgress) => void;
}

export async function verifyData(data: string, options: VerifyOptions): Promise<DataVerification> {
  const kernel = loadKernel(options.kernel);
  const read = [verifyLog(join(data, 'log'), kernel), ...verifyStores(data, kernel)];
  const damaged = read.some(({ findings }) => findings.length > 0);
  if (options.quick || damaged) return together(read);
  const { onProgress } = options;
  return together([...read, checkRollUps(data, kernel), await checkAgainstLog({ data, kernel, onProgress })]);
}

/** Whether two data directories hold the same. */
export function compareData(data: string, other: string, choice: 'native' | 'reference'): DataVerification {
  const kernel = loadKernel(choice);
  const [names, others] = [storeNames(data), storeNames(other)];
  if (names.join() !== others.join())
    return {
      lines: [],
      findings: [`one has the stores ${names.join(', ')}, the other ${others.join(', ')}`],
    };
  return together(names.map((name) => comparedStore(name, [data, other], { kernel })));
}

function together(parts: readonly DataVerification[]): DataVerification {
  return { lines: parts.flatMap((p) => p.lines), findings: parts.flatMap((p) => p.findings) };
}

function verifyLog(directory: string, kernel: Kernel): DataVerification {
  if (!existsSync(directory)) return { lines: ['log: none here'], findings: [] };
  const lines: string[] = [];
  const findings: string[] = [];
  let entries = 0;
  let bytes = 0;
  for (const finding of readLogFiles(directory)) {
    const place = `${finding.path}: byte ${finding.offsetBytes}`;
    if (finding.kind === 'damage') {
      if (finding.torn) lines.push(`${place}: ${finding.what}; a crash cut a write short, which is harmless`);
      else findings.push(`${place}: ${finding.what}`);
      continue;
    }
    entries++;
    bytes += finding.entry.payload.length;
    const fault = entryFault(finding.entry.payload, kernel);
    if (fault !== undefined) findings.push(`${place}: ${fault}`);
  }
  return { lines: [...lines, `log: ${entries} entries, ${bytes} bytes`], findings };
}

function entryFault(payload: Uint8Array, kernel: Kernel): string | undefined {
  try {
    decodeEntry(payload, (bytes, seed) => kernel.crc32c(bytes, seed));
    return undefined;
  } catch (error) {
    if (error instanceof ReportCorruptError || error instanceof ControlEventError) return error.message;
    throw error;
  }
}

function verifyStores(data: string, kernel: Kernel): DataVerification[] {
  return storeNames(data).map((name) => {
    const { findings, files, segments, cells, segmentBytes } = verifyStore(join(data, name), kernel);
    return {
      lines: [`${name}: ${files} files, ${segments} segments, ${cells} cells, ${segmentBytes} bytes`],
      findings: findings.map(
        (f) => `${f.path}${f.segment === undefined ? '' : `: segment ${f.segment}`}: ${f.what}`,
      ),
    };
  });
}
