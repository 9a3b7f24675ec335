/** /api/v1/transformations: what keys are called. A screen asks for the names of the keys that it shows; an answer
 *  itself has the keys as they are stored, and waits for no name. */
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { nearest, oneOf } from '../../query/diagnostic.ts';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemException } from '../problem.ts';
import { type Transformation, VALUES_MAX } from '../transform/transformation.ts';

const Values = Type.Object({
  value: Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: VALUES_MAX })], {
    description: 'A value of a key; may be given several times',
  }),
});

export async function transformationRoutes(app: FastifyInstance, context: GatewayContext): Promise<void> {
  const all = context.transformations ?? [];
  const tags = ['transformations'];
  app.get(
    '/api/v1/transformations',
    { schema: { tags, summary: 'Ways in which keys may be named' } },
    () => ({ transformations: all.map(({ name, label }) => ({ name, label })) }),
  );
  app.get<{ Params: { name: string }; Querystring: Type.Static<typeof Values> }>(
    '/api/v1/transformations/:name',
    { schema: { querystring: Values, tags, summary: 'Names of values, as far as they are known by now' } },
    ({ params, query }) => {
      const { value } = query;
      return find(all, params.name).named(typeof value === 'string' ? [value] : value);
    },
  );
}

function find(all: readonly Transformation[], name: string): Transformation {
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = all.map((one) => one.name);
  const near = nearest(name, names);
  throw new ProblemException({
    status: 404,
    code: 'UNKNOWN_TRANSFORMATION',
    title: 'No such transformation',
    detail: `Cannot find the transformation "${name}": ${near === undefined ? `there is ${oneOf(names)}` : `did you mean "${near}"`}`,
  });
}
