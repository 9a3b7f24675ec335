/** The route of a path where no framework tells one: the path without its query, segments that look like an
 *  identity replaced by `:id`. Pure. Values that do not look like one (names) remain; the bound on keys takes
 *  care of those. */

/** Segments kept; what follows is cut. Routes that people write are shorter. */
const SEGMENTS_MAX = 12;
const PLACEHOLDER = ':id';

export function routeOfPath(url: string): string {
  const end = endOfPath(url);
  const path = end === url.length ? url : url.slice(0, end);
  if (!mayHoldIdentity(path)) return path;
  const segments = path.split('/', SEGMENTS_MAX + 1);
  for (let i = 0; i < segments.length; i++) {
    if (looksLikeIdentity(segments[i]!)) segments[i] = PLACEHOLDER;
  }
  return segments.join('/');
}

function endOfPath(url: string): number {
  const query = url.indexOf('?');
  const fragment = url.indexOf('#');
  if (query < 0) return fragment < 0 ? url.length : fragment;
  return fragment < 0 ? query : Math.min(query, fragment);
}

/** Most paths hold none, and are their own route. */
function mayHoldIdentity(path: string): boolean {
  let segments = 0;
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c >= 48 && c <= 57) return true;
    if (c === 47 && ++segments > SEGMENTS_MAX) return true;
  }
  return false;
}

/** A number (also with a sign or as a date), a uuid, a hexadecimal hash of 8 and more, or a long word with several
 *  digits in it, as ids in base 32, 58 and 64 are. */
function looksLikeIdentity(segment: string): boolean {
  if (!/\d/.test(segment)) return false;
  if (/^[-+]?\d[\d.,:_-]*$/.test(segment)) return true;
  if (/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(segment)) return true;
  if (/^(0x)?[0-9a-f]{8,}$/i.test(segment)) return true;
  return segment.length >= 16 && /^[\w=.~-]+$/.test(segment) && segment.replace(/\D/g, '').length >= 3;
}
