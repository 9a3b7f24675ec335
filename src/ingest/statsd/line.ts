/** One line of StatsD or DogStatsD: text in, values out. Pure.
 *  `name:value[:value..]|type[|@rate][|#tag:value,..]`, in any order after the type; a container (`c:`), a time (`T`) and
 *  what else a newer client adds there is passed over. Tags also as InfluxDB and Graphite write them, behind the name:
 *  `name,tag=value` and `name;tag=value`. */

export type LineType = 'ms' | 'h' | 'd' | 'c' | 'g' | 's';
const TYPES: readonly string[] = ['ms', 'h', 'd', 'c', 'g', 's'];

/** What is longer is cut in messages. */
const SHOWN = 60;

export interface StatsdLine {
  readonly kind: 'line';
  readonly name: string;
  readonly type: LineType;
  /** Numbers of events, or for sets nothing. */
  readonly values: readonly number[];
  /** A gauge's values are steps from where it is: they have a sign. */
  readonly isStep: boolean;
  /** How many events one value stands for: 1 / sample rate. May have a fraction. */
  readonly weight: number;
  /** As sent: `route:/pay,env:prod`, or behind the name. */
  readonly tags: string;
}

export type ParsedLine =
  | StatsdLine
  /** DogStatsD's events and service checks: no metrics. */
  | { readonly kind: 'event' }
  | { readonly kind: 'fault'; readonly why: string };

export function parseLine(text: string): ParsedLine {
  if (text.startsWith('_e{') || text.startsWith('_sc|')) return { kind: 'event' };
  const [head, type, ...rest] = text.split('|');
  const colon = head!.indexOf(':');
  if (colon <= 0) return fault('it has no "name:value"');
  if (type === undefined) return fault('it has no type: expected |ms, |h, |d, |c, |g or |s');
  if (!TYPES.includes(type)) return fault(`type is "${type.slice(0, SHOWN)}", expected ${TYPES.join(', ')}`);
  const valuesText = head!.slice(colon + 1);
  const values = type === 's' ? [] : valuesText.split(':').map(numberOf);
  const odd = values.findIndex(Number.isNaN);
  if (odd >= 0) return fault(`value is "${valuesText.split(':')[odd]!.slice(0, SHOWN)}", expected a number`);
  const [name, inName] = nameAndTags(head!.slice(0, colon));
  let weight = 1;
  let tags = inName;
  for (const part of rest) {
    if (part.startsWith('@')) {
      const rate = numberOf(part.slice(1));
      if (!(rate > 0 && rate <= 1))
        return fault(`rate is "${part.slice(1, SHOWN)}", expected above 0 up to 1`);
      weight = 1 / rate;
    } else if (part.startsWith('#')) tags = tags === '' ? part.slice(1) : `${tags},${part.slice(1)}`;
  }
  const isStep = type === 'g' && /^[+-]/.test(valuesText);
  return { kind: 'line', name, type: type as LineType, values, isStep, weight, tags };
}

function fault(why: string): ParsedLine {
  return { kind: 'fault', why };
}

/** NaN for what is no plain decimal number. */
function numberOf(text: string): number {
  const value = text === '' || text.trim() !== text ? Number.NaN : Number(text);
  return Number.isFinite(value) && !/^[+-]?0[xob]/i.test(text) ? value : Number.NaN;
}

function nameAndTags(text: string): readonly [name: string, tags: string] {
  const end = text.search(/[,;]/);
  if (end < 0) return [text, ''];
  return [
    text.slice(0, end),
    text
      .slice(end + 1)
      .replaceAll(';', ',')
      .replaceAll('=', ':'),
  ];
}
