/** Text of any script as the value of an HTTP header: RFC 8187's ext-value, UTF-8 and percent-encoded, without a language. */

/** Bytes of a value: half of what proxies commonly take of all headers. A longer text is cut between characters. */
export const EXTENDED_VALUE_MAX = 4096;

const START = "UTF-8''";
const CUT = encoded('…');

export function extendedValue(text: string): string {
  // Half a surrogate pair has no UTF-8.
  const whole = text.replace(/\p{Surrogate}/gu, '\ufffd');
  const value = START + encoded(whole);
  if (value.length <= EXTENDED_VALUE_MAX) return value;
  const room = EXTENDED_VALUE_MAX - START.length - CUT.length;
  let cut = '';
  for (const character of whole) {
    const next = encoded(character);
    if (cut.length + next.length > room) break;
    cut += next;
  }
  return START + cut + CUT;
}

/** All but what RFC 8187 calls attr-char. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
