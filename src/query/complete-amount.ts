/** What is offered where a number stands: durations, values of a numeric field with their units, counts of things. */
import { type Field, TYPES } from '../model/metric.ts';

export interface AmountOffer {
  readonly text: string;
  readonly kind: 'duration' | 'number';
  readonly detail: string;
}

/** Units that a number typed so far may get, and numbers to begin with. */
const DURATIONS = { units: ['s', 'm', 'h', 'd', 'w'], texts: ['1m', '5m', '10m', '1h', '24h', '7d'] };
const VALUES: {
  readonly [unit: string]: { readonly units: readonly string[]; readonly texts: readonly string[] };
} = {
  s: { units: ['ms', 'us', 's', 'ns', 'm'], texts: ['1ms', '10ms', '100ms', '1s'] },
  B: { units: ['KiB', 'MiB', 'B', 'GiB'], texts: ['1KiB', '64KiB', '1MiB'] },
  '%': { units: ['%'], texts: ['50%', '80%', '90%'] },
  '': { units: [''], texts: ['1', '10', '100'] },
};

export function durationOffers(typed: string): AmountOffer[] {
  return offersOf(DURATIONS, typed).map((text) => ({ text, kind: 'duration', detail: '' }));
}

export function amountOffers(field: Field, typed: string): AmountOffer[] {
  const offers = VALUES[TYPES[field.type].unit] ?? VALUES['']!;
  return offersOf(offers, typed).map((text) => ({ text, kind: 'number', detail: field.label }));
}

function offersOf({ units, texts }: { units: readonly string[]; texts: readonly string[] }, typed: string) {
  return /^\d+$/.test(typed) ? units.map((unit) => typed + unit) : texts;
}

/** How many, by the rule that asks. */
export function countOffers(rules: readonly string[]): AmountOffer[] {
  const texts = rules.includes('buckets')
    ? ['60', '120']
    : rules.includes('hueTop')
      ? ['3', '4', '6']
      : ['5', '10', '20'];
  return texts.map((text) => ({ text, kind: 'number', detail: 'how many' }));
}
