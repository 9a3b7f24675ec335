/** `tailglow import`: history from files. */
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Command, Option } from 'commander';
import { CommandFailure, EXIT, type Target } from '../client.ts';
import type { ImportFile } from '../import-files.ts';
import { mapOption, mappingOf, type MappingFlags } from '../mapping-flags.ts';

interface ImportFlags extends MappingFlags {
  readonly as: string;
  readonly format?: 'jsonl' | 'csv';
  readonly strict?: boolean;
  readonly anew?: string;
  readonly dryRun?: boolean;
}

const HELP = `
Each row is one event,
  {"time":"2026-11-22T03:00:07Z","route":"/pay","status":503,"latency":"48ms"}
or a histogram, as \`tailglow export '... | histograms'\` writes it, in a row a bucket or in one:
  {"time":1795316407,"route":"/pay","lower":47185920,"upper":49283072,"count":3}
  {"time":1795316407,"route":"/pay","buckets":[[47185920,49283072,3],[49283072,51380224,1]]}
or a line of CSV under a header with such names. \`count\` of an event is 1 where it is absent.

--as says what takes the rows, as \`tailglow query 'instrument ...'\` would. A metric that the server
does not know becomes known; its last field is the one that is counted in buckets.

Times are RFC 3339 or Unix; a number below 1e11 is seconds, below 1e14 milliseconds, below 1e17
microseconds, else nanoseconds (--time-unit overrides). Values carry units (48ms, 1.5s, 64KiB) or
--unit says what bare ones are in: ns for the times that an export has, B for its sizes.

An import that is begun again goes on where it stopped and counts nothing twice: it is known by the
content of the file. So import a log file when it is complete, not while it grows.

Examples:
  tailglow import access.jsonl --as 'shop.requests by route, status, latency'
  tailglow import --unit ms --map time=ts,route=req.path,latency=ms old-*.csv.gz \\
    --as 'http.requests by route, latency keep 90d'
  tailglow import hour.jsonl --unit ns --as 'incident.requests by route, latency'
`;

export function importCommand(target: (command: Command) => Target): Command {
  return new Command('import')
    .description('take in history: JSON lines or CSV, of events or of histograms')
    .argument('[file...]', 'files, .gz too; - or none is standard input')
    .requiredOption('--as <what>', "what takes the rows, such as 'http.requests by route, latency'")
    .addOption(mapOption())
    .option('--unit <unit>', 'of bare values: ns us ms s, B KB KiB ..., %, or none')
    .addOption(new Option('--time-unit <unit>', 'of times that are numbers').choices(['s', 'ms', 'us', 'ns']))
    .addOption(new Option('--format <format>', 'told by the first line otherwise').choices(['jsonl', 'csv']))
    .option('--strict', 'end at the first bad line, before anything is sent')
    .option('--anew <word>', 'as another import than before: what it counted was dropped')
    .option('--dry-run', 'say what would be done, and send nothing')
    .addHelpText('after', HELP)
    .action(async (names: readonly string[], flags: ImportFlags, command: Command) => {
      const spool = mkdtempSync(join(tmpdir(), 'tailglow-import-'));
      try {
        // Loaded here, so that the other commands start at once.
        const { importFiles } = await import('../import-files.ts');
        await importFiles(target(command), {
          files: await filesOf(names.length === 0 ? ['-'] : names, flags.format, spool),
          as: flags.as,
          mapping: await mappingOf(flags),
          strict: flags.strict === true,
          anew: flags.anew ?? '',
          dryRun: flags.dryRun === true,
        });
      } finally {
        rmSync(spool, { recursive: true, force: true });
      }
    });
}

/** Standard input is read twice like any file: it is put into one first. */
async function filesOf(
  names: readonly string[],
  format: 'jsonl' | 'csv' | undefined,
  spool: string,
): Promise<ImportFile[]> {
  const { recognise } = await import('../../ingest/backfill/rows.ts');
  const files: ImportFile[] = [];
  for (const name of names) {
    const path = name === '-' ? join(spool, 'stdin') : name;
    if (name === '-') await pipeline(process.stdin, createWriteStream(path));
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() !== true)
      throw new CommandFailure(
        EXIT.usage,
        `Cannot read "${name}": ${stat === undefined ? 'there is none' : 'it is no file'}`,
      );
    files.push({
      name: name === '-' ? 'standard input' : name,
      path,
      bytes: stat.size,
      format: await recognise(path, format),
    });
  }
  return files;
}
