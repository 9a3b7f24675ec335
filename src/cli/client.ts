/** Talks to a server over HTTP for the commands: finds it, sends a statement, turns its problems into text with
 *  the place underlined. Exit codes: 0 ok, 1 the query or the server refused, 2 usage, 3 no server. */
import { relative } from 'node:path';
import { styleText } from 'node:util';

export const EXIT = { ok: 0, refused: 1, usage: 2, unreachable: 3 } as const;

export interface Target {
  readonly url: string;
  readonly token: string;
  /** How the person at this terminal asks the same server something else. */
  readonly command: string;
}

/** How the person at this terminal starts this command. */
export function commandName(): string {
  const path = relative(process.cwd(), process.argv[1] ?? '');
  return path === '' || path.startsWith('..') || path.includes('node_modules') ? 'tailglow' : path;
}

export class CommandFailure extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, text: string, options?: ErrorOptions) {
    super(text, options);
    this.exitCode = exitCode;
  }
}

interface ProblemBody {
  readonly title?: string;
  readonly detail?: string;
  readonly offer?: string;
  readonly errors?: readonly {
    readonly message: string;
    readonly position?: { readonly offset: number; readonly length: number };
  }[];
}

/** Sends one request; a refusal becomes CommandFailure with text for a person. `text` is the statement that
 *  positions in the answer refer to. */
export async function request(
  target: Target,
  path: string,
  init: RequestInit & { readonly text?: string } = {},
): Promise<Response> {
  const response = await send(target, path, init);
  if (response.ok) return response;
  throw await refusal(target, response, init.text);
}

/** Sends one request and gives the answer, whatever it is. */
export async function send({ url, token }: Target, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token !== '') headers.set('authorization', `Bearer ${token}`);
  try {
    return await fetch(new URL(path, url), { ...init, headers, signal: AbortSignal.timeout(30_000) });
  } catch (cause) {
    throw new CommandFailure(
      EXIT.unreachable,
      `No answer from ${url}: is a server running there? Start one with \`${commandName()} serve\`, or name another with --url`,
      { cause },
    );
  }
}

export async function refusal(
  { command }: Target,
  response: Response,
  statement?: string,
): Promise<CommandFailure> {
  return new CommandFailure(EXIT.refused, problemText(await problemBody(response), statement, command));
}

async function problemBody(response: Response): Promise<ProblemBody> {
  const text = await response.text();
  try {
    return JSON.parse(text) as ProblemBody;
  } catch {
    return { title: `HTTP ${response.status}`, detail: text.slice(0, 500) };
  }
}

/** The statement with its errors underlined, then what each says. */
export function problemText(problem: ProblemBody, statement?: string, command = commandName()): string {
  const lines: string[] = [];
  for (const { message, position } of problem.errors ?? []) {
    if (statement !== undefined && position !== undefined) lines.push(...underlined(statement, position));
    lines.push(styleText('red', message));
  }
  if (lines.length === 0) lines.push(styleText('red', problem.detail ?? problem.title ?? 'refused'));
  if (problem.offer !== undefined) {
    lines.push('', 'This would measure it from now on:', `  ${command} query ${shellQuoted(problem.offer)}`);
  }
  return lines.join('\n');
}

function underlined(statement: string, position: { offset: number; length: number }): string[] {
  const start = statement.lastIndexOf('\n', position.offset - 1) + 1;
  const end = statement.indexOf('\n', position.offset);
  const line = statement.slice(start, end < 0 ? undefined : end);
  const mark = ' '.repeat(position.offset - start) + '^'.repeat(Math.max(1, position.length));
  return [`  ${line}`, `  ${styleText('red', mark)}`];
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
