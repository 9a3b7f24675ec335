/** Reads a whole data directory, log and stores, and says what is damaged. Changes nothing. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Kernel } from '../kernel/kernel.ts';
import { loadKernel } from '../kernel/native.ts';
import { readLogFiles } from '../log/log-directory.ts';
import { ControlEventError } from '../model/control.ts';
import { decodeEntry, ReportCorruptError } from '../model/report.ts';
import { verifyStore } from '../store/verify.ts';

export interface DataVerification {
  /** What was read, and what is harmless. */
  readonly lines: readonly string[];
  /** What is damaged: file, byte or segment, and how. */
  readonly findings: readonly string[];
}

export function verifyData(data: string, choice: 'native' | 'reference'): DataVerification {
  const kernel = loadKernel(choice);
  const parts = [verifyLog(join(data, 'log'), kernel), ...verifyStores(data, kernel)];
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
  return readdirSync(data)
    .filter((name) => /^aggregator-\d+$/.test(name))
    .map((name) => {
      const { findings, files, segments, cells, segmentBytes } = verifyStore(join(data, name), kernel);
      return {
        lines: [`${name}: ${files} files, ${segments} segments, ${cells} cells, ${segmentBytes} bytes`],
        findings: findings.map(
          (f) => `${f.path}${f.segment === undefined ? '' : `: segment ${f.segment}`}: ${f.what}`,
        ),
      };
    });
}
