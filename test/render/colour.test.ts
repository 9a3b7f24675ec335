/** Colours against an independent library: arithmetic, ramps, distances as the colour-blind see them. */
import {
  converter,
  differenceCiede2000,
  filterDeficiencyDeuter,
  filterDeficiencyProt,
  filterDeficiencyTrit,
  type Rgb as CuloriRgb,
} from 'culori';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Key } from '../../src/model/key.ts';
import {
  assignSlots,
  diffRamps,
  fromOklab,
  fromOklch,
  hexOf,
  HUES_MAX,
  hueRamps,
  LEVELS,
  paletteRamp,
  parseHex,
  type Rgb,
  toOklab,
} from '../../src/render/colour.ts';
import { themeColour } from '../../src/render/theme.ts';

const toOracle = converter('oklab');
const toOracleRgb = converter('rgb');
const distance = differenceCiede2000();
const sights: readonly [string, (color: CuloriRgb) => CuloriRgb | undefined][] = [
  ['normal sight', (c) => c],
  ['deuteranopia', (c) => toOracleRgb(filterDeficiencyDeuter(1)(c))],
  ['protanopia', (c) => toOracleRgb(filterDeficiencyProt(1)(c))],
  ['tritanopia', (c) => toOracleRgb(filterDeficiencyTrit(1)(c))],
];
const themes = ['dark', 'light'] as const;
const palettes = ['viridis', 'cividis', 'magma', 'inferno'] as const;

const arbitraryRgb = fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 0, max: 255 }))) as fc.Arbitrary<
  [number, number, number]
>;

function oracle([r, g, b]: Rgb): CuloriRgb {
  return { mode: 'rgb', r: r / 255, g: g / 255, b: b / 255 };
}

function apart(a: Rgb, b: Rgb, see: (c: CuloriRgb) => CuloriRgb | undefined = (c) => c): number {
  return distance(see(oracle(a))!, see(oracle(b))!);
}

function leastApart(colors: readonly Rgb[], see: (c: CuloriRgb) => CuloriRgb | undefined): number {
  return Math.min(...colors.flatMap((a, i) => colors.slice(0, i).map((b) => apart(a, b, see))));
}

describe('arithmetic', () => {
  test('OKLab agrees with the oracle and comes back', () => {
    fc.assert(
      fc.property(arbitraryRgb, (rgb) => {
        const lab = toOklab(rgb);
        const { l, a, b } = toOracle(oracle(rgb));
        expect(lab[0]).toBeCloseTo(l, 4);
        expect(lab[1]).toBeCloseTo(a, 4);
        expect(lab[2]).toBeCloseTo(b, 4);
        expect(fromOklab(lab)).toEqual(rgb);
        expect(parseHex(hexOf(rgb))).toEqual(rgb);
      }),
    );
  });

  test('a colour outside sRGB keeps lightness and hue and loses chroma', () => {
    const rgb = fromOklch(0.7, 0.4, 145);
    const { l, a, b } = toOracle(oracle(rgb));
    expect(l).toBeCloseTo(0.7, 1);
    expect((Math.atan2(b, a) * 180) / Math.PI).toBeCloseTo(145, -1);
    expect(Math.hypot(a, b)).toBeLessThan(0.4);
  });
});

describe.each(themes)('%s theme', (theme) => {
  const ramps = [...palettes.map((name) => paletteRamp(name, theme)), ...hueRamps(theme)];
  const strongest = hueRamps(theme).map((ramp) => ramp.at(-1)!);

  test.each(sights)('the first four hues and grey stay apart: %s', (_name, see) => {
    expect(leastApart([...strongest.slice(0, 4), strongest[HUES_MAX]!], see)).toBeGreaterThanOrEqual(16);
  });

  test.each(sights)('all six hues and grey stay apart: %s', (_name, see) => {
    expect(leastApart(strongest, see)).toBeGreaterThanOrEqual(14);
  });

  test.each(sights)('more and less of a diff stay apart, and from what may be luck: %s', (_name, see) => {
    const ramps = diffRamps(theme);
    expect(
      leastApart(
        ramps.map((ramp) => ramp.at(-1)!),
        see,
      ),
    ).toBeGreaterThanOrEqual(14);
    const [more, less] = ramps;
    for (let level = 2; level < LEVELS; level++)
      expect(leastApart([more![level]!, less![level]!], see)).toBeGreaterThanOrEqual(10);
  });

  test('a single count of one key does not look like one of another', () => {
    const faintest = hueRamps(theme).map((ramp) => ramp[0]!);
    expect(leastApart(faintest, (c) => c)).toBeGreaterThanOrEqual(10);
  });

  test('every ramp runs away from the background, each step seen', () => {
    for (const ramp of ramps) {
      expect(ramp).toHaveLength(LEVELS);
      const lightness = ramp.map((rgb) => toOracle(oracle(rgb)).l * (theme === 'dark' ? 1 : -1));
      lightness.slice(1).forEach((l, i) => expect(l).toBeGreaterThan(lightness[i]!));
      ramp.slice(1).forEach((rgb, i) => expect(apart(rgb, ramp[i]!)).toBeGreaterThan(1));
    }
  });

  test('the faintest count stands off every background', () => {
    for (const ramp of ramps) {
      for (const name of ['zero', 'grid', 'page'] as const) {
        expect(apart(ramp[0]!, themeColour(theme, name))).toBeGreaterThanOrEqual(10);
      }
    }
  });

  test('unknown and incomplete columns do not look like zero', () => {
    for (const name of ['unknown', 'hatch'] as const) {
      expect(apart(themeColour(theme, name), themeColour(theme, 'zero'))).toBeGreaterThanOrEqual(3);
    }
  });
});

describe('keys and hues', () => {
  const keys = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 6 }), fc.string({ maxLength: 6 })), {
    maxLength: HUES_MAX,
    selector: (key) => JSON.stringify(key),
  });

  test('each key has a slot of its own, whatever the order', () => {
    fc.assert(
      fc.property(keys, fc.infiniteStream(fc.nat()), (set, random) => {
        const slots = assignSlots(set);
        expect(new Set(slots).size).toBe(set.length);
        for (const slot of slots) expect(slot).toBeLessThan(set.length <= 4 ? 4 : HUES_MAX);
        const shuffled = set
          .map((key, i) => ({ key, slot: slots[i]!, order: random.next().value }))
          .toSorted((a, b) => a.order - b.order);
        expect(assignSlots(shuffled.map((s) => s.key))).toEqual(shuffled.map((s) => s.slot));
      }),
    );
  });

  test('a key that goes moves few others', () => {
    let kept = 0;
    let all = 0;
    for (let set = 0; set < 500; set++) {
      const four: Key[] = [0, 1, 2, 3].map((n) => [`/route/${set}/${n}`]);
      const before = assignSlots(four);
      const after = assignSlots(four.slice(1));
      after.forEach((slot, i) => (kept += slot === before[i + 1]! ? 1 : 0));
      all += after.length;
    }
    expect(kept / all).toBeGreaterThan(0.75);
  });
});
