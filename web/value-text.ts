/** Values as the server's pictures write them: "12.3 ms", "1.5 MiB", "45 %". Pure, no locale. */

/** `base ** power` units make one. */
export interface ValueUnit {
  readonly unit: string;
  readonly base: 2 | 10;
  readonly power: number;
}

const SI = ['n', 'µ', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const SI_ONE = 3;
const IEC = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

export function valueText(value: number, type: ValueUnit): string {
  const amount = value * type.base ** type.power;
  const prefixes = prefixesOf(type);
  // 999.7 ms reads "1 s": what counts is the number as it will be printed.
  const fits = prefixes.filter(([, factor]) => Number(rounded(Math.abs(amount) / factor)) >= 1);
  const none = amount === 0 ? prefixes.find(([, factor]) => factor === 1)! : prefixes[0]!;
  const [prefix, factor] = fits.at(-1) ?? none;
  const unit = `${prefix}${type.unit}`;
  return unit === '' ? numberText(amount / factor) : `${numberText(amount / factor)} ${unit}`;
}

/** At most two decimals, fewer the larger the number; thousands apart. */
export function numberText(number: number): string {
  const [whole, fraction] = rounded(Math.abs(number)).split('.');
  const digits = whole!.replaceAll(/\B(?=(\d{3})+$)/g, ',');
  const rest = fraction?.replace(/0+$/, '') ?? '';
  const text = rest === '' ? digits : `${digits}.${rest}`;
  return number < 0 && text !== '0' ? `-${text}` : text;
}

function rounded(size: number): string {
  return size.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

function prefixesOf({ unit, base }: ValueUnit): [string, number][] {
  if (unit === '%') return [['', 1]];
  if (base === 2) return IEC.map((prefix, i) => [prefix, 1024 ** i]);
  const all = SI.map((prefix, i): [string, number] => [prefix, 10 ** (3 * (i - SI_ONE))]);
  if (unit === 's') return all.slice(0, SI_ONE + 1);
  return unit === '' ? [all[SI_ONE]!, ...all.slice(SI_ONE + 2)] : all;
}
