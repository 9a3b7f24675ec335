/** /api/v1/query, /api/v1/query/check, /api/v1/complete: statements in, answers out. Reading is GET or POST;
 *  a statement that changes something (`instrument`, `drop`) only POST. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { QUERY_TEXT_MAX } from '../../model/limits.ts';
import { statementFromJson, statementSchema, statementToJson } from '../../query/json.ts';
import { parseStatement } from '../../query/parse.ts';
import { checkStatement } from '../../query/check.ts';
import type { Answered } from '../answer.ts';
import type { GatewayContext } from '../gateway-context.ts';
import { completeLive } from '../key-values.ts';
import { ProblemException, queryProblem } from '../problem.ts';
import { catalogueFor, runStatement } from '../statements.ts';
import { extendedValue } from './extended-value.ts';
import { negotiatedFormat, presentationOf, PresentationQuery } from './presentation.ts';

const QueryText = Type.String({ minLength: 1, maxLength: QUERY_TEXT_MAX, description: 'One statement' });
const Wait = Type.Optional(
  Type.Number({
    minimum: 0,
    maximum: 5,
    description: 'Seconds to wait for the newest second to be complete',
  }),
);
const ReadQuery = Type.Object({ ...PresentationQuery.properties, q: QueryText, wait: Wait });
const PostQuery = Type.Object({ ...PresentationQuery.properties, wait: Wait });
const PostBody = Type.Union([
  QueryText,
  Type.Object({ q: QueryText }),
  Type.Object({
    statement: Type.Unknown({ description: 'One statement in its JSON form: see /api/v1/query/schema' }),
  }),
]);
type PostBody = Type.Static<typeof PostBody>;

export async function queryRoutes(app: FastifyInstance, context: GatewayContext): Promise<void> {
  app.get<{ Querystring: Type.Static<typeof ReadQuery> }>(
    '/api/v1/query',
    { schema: { querystring: ReadQuery, summary: 'Answer a read statement', tags: ['query'] } },
    (request, reply) => answer(request, reply, { text: request.query.q, readOnly: true }),
  );
  app.post<{ Querystring: Type.Static<typeof PostQuery>; Body: PostBody }>(
    '/api/v1/query',
    { schema: { querystring: PostQuery, body: PostBody, summary: 'Run any statement', tags: ['query'] } },
    (request, reply) => answer(request, reply, { text: textOf(request.body), readOnly: false }),
  );
  app.get(
    '/api/v1/query/schema',
    { schema: { summary: 'JSON Schema of the JSON form of statements', tags: ['query'] } },
    (_, reply) => reply.type('application/schema+json').send(SCHEMA_TEXT),
  );
  app.post<{ Body: PostBody }>(
    '/api/v1/query/check',
    {
      schema: { body: PostBody, summary: 'Diagnostics of a statement, without running it', tags: ['query'] },
    },
    (request) => diagnose(textOf(request.body), context),
  );
  const CompleteQuery = Type.Object({
    q: Type.String({ maxLength: QUERY_TEXT_MAX }),
    at: Type.Optional(Type.Integer({ minimum: 0, maximum: QUERY_TEXT_MAX, description: 'UTF-16 units' })),
  });
  app.get<{ Querystring: Type.Static<typeof CompleteQuery> }>(
    '/api/v1/complete',
    {
      schema: {
        querystring: CompleteQuery,
        summary: 'What may stand at a place of a statement',
        tags: ['query'],
      },
    },
    async ({ query }) => ({ completions: await completeLive(context, query.q, query.at ?? query.q.length) }),
  );

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    { text, readOnly }: { text: string; readOnly: boolean },
  ): Promise<FastifyReply> {
    const query = request.query as Type.Static<typeof PostQuery>;
    const startMs = context.clock.nowMs();
    const outcome = await runStatement(context, text, {
      readOnly,
      waitMs: (query.wait ?? 0) * 1000,
      presentation: presentationOf(query, negotiatedFormat(request, query.format)),
      ...ifNoneMatch(request),
      signal: goneSignal(reply),
    });
    void reply
      .header('vary', 'Accept')
      .header('server-timing', `total;dur=${context.clock.nowMs() - startMs}`);
    return sendAnswer(reply, outcome);
  }
}

/** Aborts when the connection closes; a request is "closed" as soon as its body is read, so the reply is asked. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}

const SCHEMA_TEXT = JSON.stringify({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A statement of the query language',
  ...statementSchema,
});

/** Throws ProblemException. */
function textOf(body: PostBody): string {
  if (typeof body === 'string') return body;
  if ('q' in body) return body.q;
  const read = statementFromJson(body.statement);
  if ('diagnostics' in read) throw new ProblemException(queryProblem(read.diagnostics));
  return read.text;
}

function ifNoneMatch(request: FastifyRequest): { ifNoneMatch?: string } {
  const value = request.headers['if-none-match'];
  return value === undefined ? {} : { ifNoneMatch: value };
}

function sendAnswer(reply: FastifyReply, answer: Answered): FastifyReply {
  void reply.header('etag', answer.etag);
  void reply.header('cache-control', answer.immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
  if (answer.description !== undefined)
    void reply.header('content-description', extendedValue(answer.description));
  if (answer.notModified) return reply.code(304).send();
  return reply
    .type(answer.contentType)
    .send(Buffer.from(answer.body.buffer, answer.body.byteOffset, answer.body.byteLength));
}

function diagnose(text: string, context: GatewayContext) {
  const parsed = parseStatement(text);
  if ('diagnostics' in parsed) return { diagnostics: queryProblem(parsed.diagnostics).errors ?? [] };
  const checked = checkStatement(parsed.statement, catalogueFor(context), text);
  const diagnostics = 'diagnostics' in checked ? (queryProblem(checked.diagnostics).errors ?? []) : [];
  return { diagnostics, statement: statementToJson(parsed.statement) };
}
