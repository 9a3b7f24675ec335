/** How wide text is, in columns of a fixed-width font: 2 for East Asian wide characters and emoji, 0 for
 *  combining marks. Cuts and pads by that width, never inside a character as a person sees it. */
import stringWidth from 'string-width';

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Printable ASCII and what this house itself writes: one column each, which is most of all texts, found at once. */
const NARROW = /^[ -~…–·≤µ╵]*$/;

export function widthOf(text: string): number {
  return NARROW.test(text) ? text.length : stringWidth(text);
}

/** Without control characters: nobody's text moves the cursor or ends a line. */
export function cleanText(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ');
}

const ASCII: { readonly [character: string]: string } = {
  '…': '.',
  '–': '-',
  '·': '-',
  '≤': '<',
  µ: 'u',
  '╵': '|',
};

/** The characters that this house itself writes, in ASCII and of the same width. */
export function asciiText(text: string): string {
  return text.replace(/[…–·≤µ╵]/g, (c) => ASCII[c]!);
}

/** At most `columns` wide; what is cut ends in "…" (three dots would cost more than they tell). */
export function fitText(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  if (columns < 1) return '';
  let out = '';
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    const next = widthOf(segment);
    if (width + next > columns - 1) break;
    out += segment;
    width += next;
  }
  return `${out}…`;
}

/** Exactly `columns` wide. */
export function padText(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const fitting = fitText(text, columns);
  const space = ' '.repeat(columns - widthOf(fitting));
  return align === 'left' ? fitting + space : space + fitting;
}

/** In lines of at most `columns`, each after `indent`; a word that is longer stands alone and is not cut, so that what
 *  is to be copied can be. Lines after the first are indented by two more. */
export function wrapText(text: string, columns: number, indent = ''): string {
  const lines: string[] = [];
  let line = indent;
  let isEmpty = true;
  for (const word of text.split(' ').filter((each) => each !== '')) {
    if (!isEmpty && widthOf(line) + 1 + widthOf(word) > columns) {
      lines.push(line);
      line = `${indent}  `;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].join('\n');
}
