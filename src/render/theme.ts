/** The colours of everything that is no count: backgrounds, lines, marks, text. */
import { parseHex, type Rgb } from './colour.ts';
import type { Theme } from './options.ts';

const THEMES = {
  dark: {
    zero: '#0b0e13',
    grid: '#171c24',
    hatch: '#3a3420',
    unknown: '#1a2029',
    unknownDot: '#2b333f',
    frame: '#4a5462',
    mark: '#ff8b5a',
    missing: '#c99a2e',
    revised: '#5fb3f0',
    line: '#ffffff',
    halo: '#0b0e13',
    page: '#12161d',
    ink: '#f2f5f9',
  },
  light: {
    zero: '#ffffff',
    grid: '#f0f1f4',
    hatch: '#eadfb8',
    unknown: '#eef0f3',
    unknownDot: '#d3d8df',
    frame: '#9aa3af',
    mark: '#d4481b',
    missing: '#c08a00',
    revised: '#1f78c1',
    line: '#111418',
    halo: '#ffffff',
    page: '#fafbfc',
    ink: '#14181d',
  },
} as const;

export type ThemeColour = keyof (typeof THEMES)['dark'];

export function themeColour(theme: Theme, name: ThemeColour): Rgb {
  return parseHex(THEMES[theme][name]);
}
