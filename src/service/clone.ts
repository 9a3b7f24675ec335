/** A clone as the statement that makes it: the clauses of the original, and in their place those that are given. It is
 *  read and checked as any other statement, so what does not fit together is refused as a whole. */
import type { Instrumentation } from '../model/instrumentation.ts';
import type { MetricDescription } from '../model/metric.ts';
import { printName, printPredicate, retentionText } from '../query/print.ts';
import { secondsText } from '../query/unit.ts';

/** Clauses as the language writes them, without their keyword. */
export interface CloneParts {
  readonly as?: string;
  /** Empty for all events. */
  readonly where?: string;
  readonly by?: readonly string[];
  readonly every?: string;
  readonly keep?: string;
  readonly idle?: string;
}

/** `metrics` are those that are known: of its own, bounds are printed with their units. */
export function cloneStatement(
  of: Instrumentation,
  parts: CloneParts,
  metrics: readonly MetricDescription[],
): string {
  const metric = metrics.find(({ name }) => name === of.metric);
  const where = parts.where ?? (of.where === undefined ? '' : printPredicate(of.where, metric));
  const by = parts.by ?? (of.numeric === undefined ? of.by : [...of.by, of.numeric]);
  const idle = parts.idle ?? (of.idleSeconds === 0 ? 'never' : secondsText(of.idleSeconds));
  return [
    `instrument ${of.metric}`,
    ...(where === '' ? [] : [`where ${where}`]),
    ...(by.length === 0 ? [] : [`by ${by.join(', ')}`]),
    `every ${parts.every ?? secondsText(of.everySeconds)}`,
    `keep ${parts.keep ?? retentionText(of)}`,
    `idle ${idle}`,
    ...(parts.as === undefined ? [] : [`as ${printName(parts.as)}`]),
  ].join(' ');
}
