/** The page's requests. Every one ends: with an answer, with "the same as before", with a problem, or with
 *  "no server". An aborted one throws. */
import {
  type Answer,
  type InstrumentationState,
  type Problem,
  readAnswer,
  readInstrumentations,
  readIntegerFields,
  readProblem,
} from './answer.ts';

export type Reply<T> =
  | {
      readonly kind: 'fresh';
      readonly body: T;
      readonly etag: string | undefined;
      readonly serverMs: number | undefined;
    }
  | { readonly kind: 'same'; readonly serverMs: number | undefined }
  | { readonly kind: 'problem'; readonly problem: Problem; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'away' };

/** How the picture should look; the statement's own words come before it. */
export interface Look {
  readonly width: number;
  readonly height: number;
  readonly scale: 1 | 2;
  readonly theme: 'dark' | 'light';
}

/** A server that says nothing for so long is away. */
const TIMEOUT_MS = 10_000;

interface Ask<T> {
  readonly url: string;
  readonly init?: RequestInit;
  readonly etag?: string | undefined;
  readonly signal: AbortSignal;
  readonly read: (response: Response) => Promise<T>;
}

async function ask<T>({ url, init, etag, signal, read }: Ask<T>): Promise<Reply<T>> {
  try {
    const headers = new Headers(init?.headers);
    if (etag !== undefined) headers.set('if-none-match', etag);
    // Our own If-None-Match is the cache: the browser's would hide the 304.
    const response = await fetch(url, {
      ...init,
      headers,
      cache: 'no-store',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const serverMs = timing(response.headers.get('server-timing'));
    if (response.status === 304) return { kind: 'same', serverMs };
    if (response.ok) {
      return {
        kind: 'fresh',
        body: await read(response),
        etag: response.headers.get('etag') ?? undefined,
        serverMs,
      };
    }
    const body: unknown = await response.json().catch(() => undefined);
    const problem = readProblem(body, response.status);
    return { kind: 'problem', problem, retryAfterMs: retryAfter(response.headers.get('retry-after')) };
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: 'away' };
  }
}

function timing(header: string | null): number | undefined {
  const found = /(?:^|,)\s*total;dur=([\d.]+)/.exec(header ?? '');
  return found === null ? undefined : Number(found[1]);
}

function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - Date.now());
}

function queryUrl(q: string, parameters: Readonly<Record<string, string | number>>): string {
  const search = new URLSearchParams({ q });
  for (const [name, value] of Object.entries(parameters)) search.set(name, String(value));
  return `/api/v1/query?${search.toString()}`;
}

/** The numbers of an answer; undefined where the server sent what this page does not know. */
export function askNumbers(
  q: string,
  look: Look,
  etag: string | undefined,
  signal: AbortSignal,
): Promise<Reply<Answer | undefined>> {
  const url = queryUrl(q, { format: 'json', cells: 0, ...look });
  return ask({ url, etag, signal, read: async (response) => readAnswer(await response.json()) });
}

export function askPicture(q: string, look: Look, signal: AbortSignal): Promise<Reply<ArrayBuffer>> {
  const url = queryUrl(q, { format: 'png', ...look });
  return ask({ url, signal, read: (response) => response.arrayBuffer() });
}

/** Runs a statement that changes something. */
export function run(statement: string, signal: AbortSignal): Promise<Reply<unknown>> {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ q: statement }),
  };
  return ask({ url: '/api/v1/query', init, signal, read: (response) => response.json() });
}

export function askInstrumentations(
  etag: string | undefined,
  signal: AbortSignal,
): Promise<Reply<InstrumentationState[]>> {
  const read = async (response: Response): Promise<InstrumentationState[]> =>
    readInstrumentations(await response.json());
  return ask({ url: '/api/v1/instrumentations', etag, signal, read });
}

export function askIntegerFields(signal: AbortSignal): Promise<Reply<Set<string>>> {
  return ask({
    url: '/api/v1/metrics',
    signal,
    read: async (response) => readIntegerFields(await response.json()),
  });
}
