/** One line of an access log becomes a record as imports read them: `{time, route, method, status, latency ..}`. Owns:
 *  the formats. Does not: read files, know what is measured. Pure.
 *  combined: as nginx and Apache write it, with the time that a request took behind: `rt=0.048` or a bare number, of which
 *  one with a point is seconds (nginx `$request_time`) and one without microseconds (Apache `%D`).
 *  json: an object a line; what it does not name as we do is looked for under the names that servers use. */
import { routeOfPath } from '../node/route.ts';
import type { RowRecord } from '../backfill/row.ts';

export type LineFormat = 'combined' | 'json';
export type ReadLine = { readonly record: RowRecord } | { readonly fault: string };

/** What is longer is cut in messages. */
const SHOWN = 80;

/** By the first line: what begins with `{` is JSON. */
export function recogniseLine(text: string): LineFormat {
  return text.trimStart().startsWith('{') ? 'json' : 'combined';
}

export function readLine(format: LineFormat, text: string): ReadLine {
  return format === 'json' ? readJson(text) : readCombined(text);
}

const QUOTED = '"((?:[^"\\\\]|\\\\.)*)"';
const COMBINED = new RegExp(
  `^(\\S+) \\S+ .*?\\[([^\\]]+)\\] ${QUOTED} (\\d{3}) (\\d+|-)(?: ${QUOTED} ${QUOTED})?(.*)$`,
);
const TIME = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const TOOK =
  /(?:^|\s)"?(?:(rt|request_time|time|latency|duration)=)?"?(\d+(?:\.\d+)?)(ns|us|ms|s)?"?(?=\s|$)/;

function readCombined(text: string): ReadLine {
  const match = COMBINED.exec(text);
  if (match === null) {
    return { fault: `it is ${JSON.stringify(text.slice(0, SHOWN))}, expected a line of the combined format` };
  }
  const [, address, when, request, status, bytes, , , rest] = match;
  const time = commonTime(when!);
  if (time === undefined) return { fault: `its time is "${when}", expected 28/Nov/2026:16:29:34 +0000` };
  const record: Record<string, unknown> = { time, address, status, ...requestParts(request!) };
  if (bytes !== '-') record['bytes'] = bytes;
  const [, name, took, unit] = TOOK.exec(rest!) ?? [];
  if (took !== undefined) record['latency'] = `${took}${unit ?? bareUnit(took, name)}`;
  return { record };
}

/** A name that says it is one of nginx, whose times are in seconds. */
function bareUnit(took: string, name: string | undefined): 's' | 'us' {
  return name === undefined && !took.includes('.') ? 'us' : 's';
}

function commonTime(text: string): string | undefined {
  const [, day, name, year, clock, hours, minutes] = TIME.exec(text) ?? [];
  const month = name === undefined ? 0 : MONTHS.indexOf(name) + 1;
  if (month === 0) return undefined;
  return `${year}-${String(month).padStart(2, '0')}-${day}T${clock}${hours}:${minutes}`;
}

/** `GET /pay?x=1 HTTP/1.1`; what is no request line, as of a client that speaks something else, has neither. */
function requestParts(request: string): Record<string, string> {
  const [, method, path] = /^([A-Z]{3,20}) (\S+)(?: HTTP\/[\d.]+)?$/.exec(request) ?? [];
  return method === undefined ? { method: '', route: '' } : { method, route: routeOfPath(pathOf(path!)) };
}

/** Of a proxy's request the path only. */
function pathOf(url: string): string {
  return url.replace(/^[a-z]+:\/\/[^/]*/i, '') || '/';
}

/** Where servers have what: the first that is there, and the unit of a bare number. */
const TIMES = ['time', 'timestamp', 'ts', '@timestamp', 'time_iso8601', 'msec', 'time_local'];
const PATHS = ['route', 'path', 'uri', 'request_uri', 'url', 'request.uri', 'req.url'];
const METHODS = ['method', 'request_method', 'request.method', 'req.method'];
const STATUSES = ['status', 'status_code', 'statusCode', 'res.statusCode'];
const LATENCIES: readonly (readonly [name: string, unit: string])[] = [
  ['latency', ''],
  ['request_time', 's'],
  ['latency_ms', 'ms'],
  ['duration_ms', 'ms'],
  ['elapsed_ms', 'ms'],
  ['responseTime', 'ms'],
  ['duration_us', 'us'],
  ['duration_ns', 'ns'],
  ['duration', ''],
];

function readJson(text: string): ReadLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: `it is ${JSON.stringify(text.slice(0, SHOWN))}, expected JSON` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { fault: `it is ${JSON.stringify(text.slice(0, SHOWN))}, expected a JSON object` };
  }
  const line = value as RowRecord;
  const record: Record<string, unknown> = { ...line };
  const time = first(line, TIMES);
  if (typeof time === 'string') record['time'] ??= commonTime(time) ?? time;
  else if (time !== undefined) record['time'] ??= time;
  const path = first(line, PATHS);
  if (typeof path === 'string') record['route'] = routeOfPath(pathOf(path));
  record['method'] ??= first(line, METHODS);
  record['status'] ??= first(line, STATUSES);
  if (typeof line['request'] === 'string') {
    const parts = requestParts(line['request']);
    record['method'] ??= parts['method'];
    if (path === undefined) record['route'] = parts['route'];
  }
  record['latency'] ??= latencyOf(line);
  return { record };
}

function latencyOf(line: RowRecord): unknown {
  for (const [name, unit] of LATENCIES) {
    const found = first(line, [name]);
    if (found === undefined || found === '-') continue;
    const isBare = typeof found === 'number' || (typeof found === 'string' && /^[\d.]+$/.test(found));
    return isBare ? `${found}${unit}` : found;
  }
  return undefined;
}

function first(line: RowRecord, names: readonly string[]): unknown {
  for (const name of names) {
    let value: unknown = line;
    for (const step of name.split('.'))
      value = typeof value === 'object' && value !== null ? (value as RowRecord)[step] : undefined;
    if (value !== undefined && value !== null && value !== '') return value;
  }
  return undefined;
}
