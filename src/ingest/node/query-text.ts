/** The shape of a query's text, as what it is counted by: constants become `?`, lists of them one, white space one
 *  blank, comments nothing; cut to QUERY_CHARS_MAX. Pure. It reads no dialect whole: quotes, numbers and comments are
 *  told as SQL tells them, and a text that is cut in the middle of a constant ends there. */
import { KEY_VALUE_BYTES_MAX } from '../../model/limits.ts';

/** What a key holds of a text in ASCII. */
export const QUERY_CHARS_MAX = KEY_VALUE_BYTES_MAX;
/** Read of a text: constants make its beginning longer than its shape. */
const READ_CHARS_MAX = 2048;
/** Texts that are remembered with their shape: those of prepared statements come again and again. */
const REMEMBERED_MAX = 512;

/** In the order of the groups; what is left is white space. */
const COMMENT = /--[^\n]*|\/\*[^]*?(?:\*\/|$)/;
const PARAMETER = /\$\$[^]*?(?:\$\$|$)|\$\d+|[:@$][A-Za-z_]\w*|\b\d[\w.]*/;
const TEXT = /'(?:[^']|'')*(?:'|$)/;
const NAME = /"(?:[^"]|"")*(?:"|$)|`[^`]*(?:`|$)/;
const SQL = partsOf([COMMENT, TEXT, PARAMETER, NAME]);
/** MySQL escapes by a backslash, and writes texts in double quotes too. */
const MYSQL = partsOf([
  COMMENT,
  /'(?:[^'\\]|\\[^]|'')*(?:'|\\?$)|"(?:[^"\\]|\\[^]|"")*(?:"|\\?$)/,
  PARAMETER,
  /`[^`]*(?:`|$)/,
]);

function partsOf(parts: readonly RegExp[]): RegExp {
  return new RegExp([...parts, /\s+/].map((part) => `(${part.source})`).join('|'), 'g');
}

export function queryShape(text: string, isMysql = false): string {
  const read = text.length > READ_CHARS_MAX ? text.slice(0, READ_CHARS_MAX) : text;
  const shape = read
    .replace(isMysql ? MYSQL : SQL, (part: string, _comment, constant, parameter, name) => {
      if (constant !== undefined || parameter !== undefined) return '?';
      return name === undefined ? ' ' : part;
    })
    .replace(/ {2,}/g, ' ')
    .replace(/\?(?: ?, ?\?)+/g, '?')
    .replace(/(\( ?\? ?\))(?: ?, ?\( ?\? ?\))+/g, '$1')
    .trim();
  return shape.slice(0, QUERY_CHARS_MAX);
}

/** Shapes, remembered by text. */
export class QueryShapes {
  readonly #known = new Map<string, string>();

  of(text: string, isMysql: boolean): string {
    let shape = this.#known.get(text);
    if (shape !== undefined) return shape;
    shape = queryShape(text, isMysql);
    // A text that is built with its constants in it never comes again: begin anew, rather than keep an order.
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    if (text.length <= READ_CHARS_MAX) this.#known.set(text, shape);
    return shape;
  }
}
