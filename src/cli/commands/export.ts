/** `tailglow export`: an answer for other programs. */
import { Command, Option } from 'commander';
import { CommandFailure, EXIT, type Target } from '../client.ts';

const FORMATS = ['csv', 'jsonl', 'arrow', 'parquet'] as const;
type FormatName = (typeof FORMATS)[number];
const ENDINGS: Readonly<Record<string, FormatName>> = {
  csv: 'csv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  arrow: 'arrow',
  arrows: 'arrow',
  parquet: 'parquet',
};

const HELP = `
Any statement that reads has a table: lines a row a column, heatmaps a row a cell. \`| histograms\` gives what is
stored: a row for each bucket, exact; a long range of it is asked in slices, and \`tailglow import\` reads it again.
Arrow (a stream) and Parquet have types: timestamps, int64, doubles, dictionaries, null for what is not known.

Examples:
  tailglow export 'http.requests by route, latency last 1h step 1s | histograms' -o hour.parquet
  tailglow export 'http.requests by latency from 2026-11-22T03:00Z to 04:00Z | percentiles 50, 99' --format csv
`;

interface ExportFlags {
  readonly format?: FormatName;
  readonly output?: string;
}

export function exportCommand(target: (command: Command) => Target): Command {
  return new Command('export')
    .description('write an answer as CSV, JSON lines, Arrow or Parquet')
    .argument('<statement>', 'a read statement; quote it')
    .addOption(new Option('--format <format>', "told by the file's ending, else jsonl").choices(FORMATS))
    .option('-o, --output <file>', 'write a file; it gets its name when it is complete')
    .addHelpText('after', HELP)
    .action(async (statement: string, { format, output }: ExportFlags, command: Command) => {
      const encoding = format ?? ENDINGS[output?.split('.').at(-1) ?? ''] ?? 'jsonl';
      const binary = encoding === 'arrow' || encoding === 'parquet';
      if (binary && output === undefined && process.stdout.isTTY)
        throw new CommandFailure(
          EXIT.usage,
          `${encoding} is no text for a terminal: name a file with -o, or use a pipe`,
        );
      // Loaded here, so that the other commands start at once.
      const { exportQuery } = await import('../export-query.ts');
      await exportQuery(target(command), {
        statement,
        encoding,
        ...(output === undefined ? {} : { path: output }),
      });
    });
}
