/** `tailglow verify`: reads a whole data directory and says what is damaged. Changes nothing. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { loadKernel } from '../../kernel/native.ts';
import { readLogFiles } from '../../log/log-directory.ts';
import { ControlEventError } from '../../model/control.ts';
import { decodeEntry, ReportCorruptError } from '../../model/report.ts';
import { verifyStore } from '../../store/verify.ts';
import { CommandFailure, EXIT } from '../client.ts';

export function verifyCommand(): Command {
  return new Command('verify')
    .description('check log and store of a data directory; exits 1 if anything is damaged')
    .requiredOption('--data <dir>', 'the data directory')
    .addOption(new Option('--kernel <kernel>', 'hot loops').choices(['native', 'reference']).default('native'))
    .action(({ data, kernel }: { data: string; kernel: 'native' | 'reference' }) => {
      if (!existsSync(data)) throw new CommandFailure(EXIT.refused, `Cannot verify "${data}": no such directory`);
      const checksum = loadKernel(kernel);
      const findings = [...verifyLog(join(data, 'log'), checksum.crc32c), ...verifyStores(data, checksum)];
      for (const finding of findings) console.log(finding);
      if (findings.length > 0) throw new CommandFailure(EXIT.refused, `${findings.length} found damaged`);
      console.log('nothing damaged');
    });
}

function verifyLog(directory: string, crc32c: (bytes: Uint8Array, seed?: number) => number): string[] {
  if (!existsSync(directory)) return [];
  const findings: string[] = [];
  let entries = 0;
  let bytes = 0;
  for (const finding of readLogFiles(directory)) {
    if (finding.kind === 'damage') {
      const note = finding.torn ? ' (a write that a crash cut short: harmless)' : '';
      if (finding.torn) console.log(`${finding.path}: byte ${finding.offsetBytes}: ${finding.what}${note}`);
      else findings.push(`${finding.path}: byte ${finding.offsetBytes}: ${finding.what}`);
      continue;
    }
    entries++;
    bytes += finding.entry.payload.length;
    try {
      decodeEntry(finding.entry.payload, crc32c);
    } catch (error) {
      if (!(error instanceof ReportCorruptError || error instanceof ControlEventError)) throw error;
      findings.push(`${finding.path}: byte ${finding.offsetBytes}: ${error.message}`);
    }
  }
  console.log(`log: ${entries} entries, ${bytes} bytes`);
  return findings;
}

function verifyStores(data: string, kernel: ReturnType<typeof loadKernel>): string[] {
  const names = readdirSync(data).filter((name) => /^aggregator-\d+$/.test(name));
  return names.flatMap((name) => {
    const { findings, files, segments, cells, segmentBytes } = verifyStore(join(data, name), kernel);
    console.log(`${name}: ${files} files, ${segments} segments, ${cells} cells, ${segmentBytes} bytes`);
    return findings.map((f) => `${f.path}${f.segment === undefined ? '' : `: segment ${f.segment}`}: ${f.what}`);
  });
}
