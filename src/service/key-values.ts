/** Values of discrete fields for completion: asked of the aggregators that own an instrumentation with the field.
 *  Completion itself is synchronous, so it runs twice: once to learn which values it wants, once with them. */
import type { Instrumentation } from '../model/instrumentation.ts';
import { complete, type Completion, type KeyValues } from '../query/complete.ts';
import type { GatewayContext } from './gateway-context.ts';
import { catalogueFor } from './statements.ts';

export async function completeLive(
  context: GatewayContext,
  text: string,
  offset: number,
): Promise<Completion[]> {
  const catalogue = catalogueFor(context);
  const wanted = new Map<string, { metric: string; field: string }>();
  const note: KeyValues = (metric, field) => {
    wanted.set(`${metric} ${field}`, { metric, field });
    return [];
  };
  const plain = complete(text, offset, catalogue, note);
  if (wanted.size === 0) return plain;
  const values = new Map<string, readonly string[]>();
  for (const [key, { metric, field }] of wanted) values.set(key, await valuesOf(context, metric, field));
  return complete(text, offset, catalogue, (metric, field) => values.get(`${metric} ${field}`) ?? []);
}

async function valuesOf(context: GatewayContext, metric: string, field: string): Promise<readonly string[]> {
  const storing = (i: Instrumentation): boolean => i.metric === metric && i.by.includes(field);
  const answers = await Promise.all(
    context.configuration
      .instrumentations()
      .filter(storing)
      .map(({ id }) => context.owner(id).ask({ kind: 'key-values', instrumentation: id, field })),
  );
  const values = new Set(answers.flatMap((a) => (a.kind === 'key-values' ? a.values : [])));
  return [...values].toSorted();
}
