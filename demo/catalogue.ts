/** The goods of the demo's shop, from a seed: sections of very different sizes, texts in a made-up language
 *  whose words follow Zipf's law. Owns what the goods are; does not own how they are stored. */
import { type Random, seededRandom, zipf } from './random.ts';

export interface Product {
  readonly id: number;
  readonly section: number;
  readonly name: string;
  readonly description: string;
  /** JSON, and for a few products broken JSON: a real bug for a real 500. */
  readonly attributes: string;
}

export const PRODUCTS = 20_000;
/** One in so many products has attributes that do not parse. */
export const BROKEN_EVERY = 1000;
/** Products whose page is asked for. The rest of the catalogue is found by search only. */
export const VISITED = 3000;

const WORDS = 1200;
const NAME_WORDS = 5;
const DESCRIPTION_WORDS = 40;
const SYLLABLES = [
  'ba',
  'co',
  'di',
  'fe',
  'gu',
  'ha',
  'jo',
  'ki',
  'lu',
  'me',
  'no',
  'pa',
  'ri',
  'so',
  'tu',
  'va',
];

/** Word by rank, most frequent first; all different and none a part of another. */
export function word(rank: number): string {
  const digits = [rank % 16, (rank >> 4) % 16, (rank >> 8) % 16];
  return `${digits.map((d) => SYLLABLES[d]!).join('')}n`;
}

export function isBroken(id: number): boolean {
  return id % BROKEN_EVERY === BROKEN_EVERY - 1;
}

export function* catalogue(seed: number): Generator<Product> {
  const random = seededRandom(seed);
  const pick = zipf(random, WORDS, 0.9);
  const text = (count: number): string => Array.from({ length: count }, () => word(pick())).join(' ');
  let section = 0;
  let left = sectionSize(random);
  for (let id = 0; id < PRODUCTS; id++) {
    if (left-- === 0) {
      section++;
      left = sectionSize(random);
    }
    const attributes = JSON.stringify({ weightGrams: 10 + random.below(5000), colour: word(pick()) });
    yield {
      id,
      section,
      name: text(NAME_WORDS),
      description: text(DESCRIPTION_WORDS),
      attributes: isBroken(id) ? attributes.slice(0, -1) : attributes,
    };
  }
}

/** A product's page compares it with its section, so these sizes are what spreads the uncached pages. */
function sectionSize(random: Random): number {
  return Math.min(600, Math.max(20, Math.round(random.logNormal(230, 0.35))));
}

/** A word to look for: mostly known ones, sometimes a rare one, for which nearly the whole table is read. */
export function searchedWord(random: Random): string {
  return word(Math.min(WORDS - 1, Math.floor(random.logNormal(40, 1.3))));
}
