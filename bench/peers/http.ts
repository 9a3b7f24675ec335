/** Requests to a server under measurement. An answer is whole before it is given: what reads it is not timed. */
import type { Static, TSchema } from 'typebox';
import Value from 'typebox/value';
import type { Fleet } from './fleet.ts';
import { CannotError } from './peer.ts';

/** Of a refusal, what is quoted. */
const QUOTED_BYTES = 200;
/** Connections that write. */
const LANES = 4;

export interface Request {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | URLSearchParams;
  readonly signal?: AbortSignal;
}

/** Throws CannotError where the server refuses. */
export async function fetchBody(url: string | URL, request: Request = {}): Promise<Buffer> {
  const response = await fetch(url, { redirect: 'error', ...request });
  const body = Buffer.from(await response.arrayBuffer());
  if (response.ok) return body;
  throw new CannotError(`refused: ${response.status} ${body.toString('utf8', 0, QUOTED_BYTES)}`);
}

/** Throws CannotError where the answer has another form. */
export function readJson<T extends TSchema>(schema: T, body: Buffer): Static<T> {
  const value: unknown = JSON.parse(body.toString('utf8'));
  if (Value.Check(schema, value)) return value;
  const [fault] = Value.Errors(schema, value);
  throw new CannotError(`wrong: ${fault?.instancePath ?? ''} ${fault?.message ?? 'has another form'}`);
}

/** What each connection sends, in order: of each second the bodies of its share of the hosts. */
export function hostLanes<T>(
  { hosts }: Fleet,
  fromSecond: number,
  untilSecond: number,
  body: (second: number, hosts: readonly number[]) => T,
): T[][] {
  return Array.from({ length: LANES }, (_, lane) => {
    const share = Array.from({ length: hosts }, (_, host) => host).filter((host) => host % LANES === lane);
    return Array.from({ length: untilSecond - fromSecond }, (_, i) => body(fromSecond + i, share));
  });
}

/** Sends the bodies of each connection one after another: a series keeps its order. */
export async function sendInLanes<T>(
  lanes: readonly (readonly T[])[],
  send: (body: T) => Promise<unknown>,
): Promise<void> {
  await Promise.all(
    lanes.map(async (bodies) => {
      for (const body of bodies) await send(body);
    }),
  );
}
