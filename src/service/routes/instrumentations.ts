/** /api/v1/instrumentations: the life of instrumentations as resources. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import Type from 'typebox';
import { LEVELS } from '../../model/level.ts';
import { QUERY_TEXT_MAX } from '../../model/limits.ts';
import type { Draft } from '../../query/checked.ts';
import type { GatewayContext } from '../gateway-context.ts';
import { expiredJson, instrumentationJson } from '../listing.ts';
import { cloneStatement } from '../clone.ts';
import { ProblemException } from '../problem.ts';
import { draftOf } from '../statements.ts';

const KEEP_SECONDS_MAX = 10 * 365 * 86_400;

const Id = Type.Object({ id: Type.String() });
const Create = Type.Object(
  { q: Type.String({ minLength: 1, maxLength: QUERY_TEXT_MAX, description: 'An `instrument` statement' }) },
  { additionalProperties: false },
);
const Change = Type.Object(
  {
    keepSeconds: Type.Optional(
      Type.Integer({ minimum: 10, maximum: KEEP_SECONDS_MAX, description: 'Of whole seconds' }),
    ),
    keepLevels: Type.Optional(
      Type.Array(
        Type.Object(
          {
            level: Type.Enum(LEVELS.filter((level) => level > 1)),
            keepSeconds: Type.Integer({ minimum: 0, maximum: KEEP_SECONDS_MAX }),
          },
          { additionalProperties: false },
        ),
        {
          maxItems: LEVELS.length - 1,
          description: 'Of roll-ups; of a step that is not listed, as many times keepSeconds as by default',
        },
      ),
    ),
    idleSeconds: Type.Optional(
      Type.Union([Type.Literal(0), Type.Integer({ minimum: 10, maximum: 365 * 86_400 })], {
        description: 'Ends when nobody looks for so long; 0 is never',
      }),
    ),
    paused: Type.Optional(
      Type.Boolean({ description: 'true measures no more for a while, false measures again' }),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
);
/** Clauses as the language writes them: what is given takes the place of what the original has. */
const Clone = Type.Object(
  {
    as: Type.Optional(
      Type.String({ maxLength: 64, description: 'Its name; else one made of metric and fields' }),
    ),
    where: Type.Optional(
      Type.String({ maxLength: QUERY_TEXT_MAX, description: 'A condition; "" for all events' }),
    ),
    by: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { description: 'Fields to break out by' }),
    ),
    every: Type.Optional(Type.String({ maxLength: 16, description: 'Such as 10s' })),
    keep: Type.Optional(Type.String({ maxLength: 200, description: 'Such as 24h, or 24h, 7d at 10s' })),
    idle: Type.Optional(Type.String({ maxLength: 16, description: 'Such as 1h, or never' })),
  },
  { additionalProperties: false },
);

export async function instrumentationRoutes(app: FastifyInstance, context: GatewayContext): Promise<void> {
  const { configuration } = context;
  const tags = ['instrumentations'];
  app.get(
    '/api/v1/instrumentations',
    { schema: { tags, summary: 'All that live, and those that expired and have a history still' } },
    () => ({
      instrumentations: configuration.instrumentations().map((i) => instrumentationJson(context, i)),
      expired: expiredJson(context),
    }),
  );
  app.post<{ Body: Type.Static<typeof Create> }>(
    '/api/v1/instrumentations',
    { schema: { tags, summary: 'Create one by an `instrument` statement', body: Create } },
    async (request, reply) => {
      return created(reply, draftOf(request.body.q, configuration));
    },
  );
  app.get<{ Params: Type.Static<typeof Id> }>(
    '/api/v1/instrumentations/:id',
    { schema: { tags, summary: 'One, with its state per source', params: Id } },
    ({ params }) => instrumentationJson(context, existing(context, params.id)),
  );
  app.patch<{ Params: Type.Static<typeof Id>; Body: Type.Static<typeof Change> }>(
    '/api/v1/instrumentations/:id',
    {
      schema: { tags, summary: 'Change retention or idle limit, pause or resume', params: Id, body: Change },
    },
    async ({ params, body }) => instrumentationJson(context, await configuration.change(params.id, body)),
  );
  app.delete<{ Params: Type.Static<typeof Id> }>(
    '/api/v1/instrumentations/:id',
    { schema: { tags, summary: 'Drop it and its data', params: Id } },
    async ({ params }, reply) => {
      await configuration.drop(params.id);
      return reply.code(204).send();
    },
  );
  app.post<{ Params: Type.Static<typeof Id>; Body: Type.Static<typeof Clone> }>(
    '/api/v1/instrumentations/:id/clone',
    {
      schema: {
        tags,
        summary: 'A new one that measures the same but for what is given',
        params: Id,
        body: Clone,
      },
    },
    async ({ params, body }, reply) => {
      const statement = cloneStatement(existing(context, params.id), body, configuration.metrics());
      return created(reply, draftOf(statement, configuration));
    },
  );

  /** With what it was expected to cost, before it was measured. */
  async function created(reply: FastifyReply, draft: Draft) {
    const estimates = context.estimates?.(draft);
    const { instrumentation, created } = await configuration.create(draft);
    void reply.code(created ? 201 : 200).header('location', `/api/v1/instrumentations/${instrumentation.id}`);
    return {
      ...instrumentationJson(context, instrumentation),
      ...(estimates === undefined ? {} : { estimates }),
    };
  }
}

function existing({ configuration }: GatewayContext, id: string) {
  const found = configuration.instrumentations().find((i) => i.id === id);
  if (found !== undefined) {
    configuration.look(id);
    return found;
  }
  const names = configuration.instrumentations().map((i) => `"${i.id}"`);
  throw new ProblemException({
    status: 404,
    code: 'INSTRUMENTATION_UNKNOWN',
    title: 'No such instrumentation',
    detail: `Cannot find instrumentation ${JSON.stringify(id)}: ${names.length === 0 ? 'none lives' : `there are ${names.slice(0, 20).join(', ')}`}`,
  });
}
