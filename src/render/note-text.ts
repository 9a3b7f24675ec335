/** What an answer says of itself, below what it shows in a terminal. Every line is at most as wide as asked. */
import type { TerminalOptions } from './terminal.ts';
import { asciiText, cleanText, fitText, wrapText } from './text-width.ts';

/** Lines: what was asked for needs the rest. */
const LINES_MAX = 6;

export function noteLines(
  notes: readonly string[],
  { columns, depth }: Pick<TerminalOptions, 'columns' | 'depth'>,
): string[] {
  const lines = notes
    .flatMap((note) => wrapText(`note: ${cleanText(note)}`, columns).split('\n'))
    .map((line) => fitText(depth === 'ascii' ? asciiText(line) : line, columns));
  return lines.length <= LINES_MAX ? lines : [...lines.slice(0, LINES_MAX - 1), fitText('...', columns)];
}
