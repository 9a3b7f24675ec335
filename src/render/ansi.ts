/** Colours as terminal escapes (ECMA-48 SGR): 24 bits, or the nearest of the 240 fixed ones of 256. */
import type { Rgb } from './colour.ts';

export const RESET = '\u001b[0m';

/** Steps of the 6 x 6 x 6 cube, indices 16..231; 24 greys follow. */
const CUBE = [0, 95, 135, 175, 215, 255];

export function foreground(rgb: Rgb, depth: 'truecolor' | '256'): string {
  return `\u001b[38;${colorText(rgb, depth)}m`;
}

export function background(rgb: Rgb, depth: 'truecolor' | '256'): string {
  return `\u001b[48;${colorText(rgb, depth)}m`;
}

function colorText(rgb: Rgb, depth: 'truecolor' | '256'): string {
  return depth === 'truecolor' ? `2;${rgb.join(';')}` : `5;${nearest256(rgb)}`;
}

export function nearest256(rgb: Rgb): number {
  const steps = rgb.map((c) =>
    CUBE.reduce((best, v, i) => (Math.abs(v - c) < Math.abs(CUBE[best]! - c) ? i : best), 0),
  );
  const [r, g, b] = [steps[0]!, steps[1]!, steps[2]!];
  const mean = (rgb[0] + rgb[1] + rgb[2]) / 3;
  const grey = Math.min(23, Math.max(0, Math.round((mean - 8) / 10)));
  const away = (c: readonly number[]): number => rgb.reduce((n, v, i) => n + (v - c[i]!) ** 2, 0);
  const level = 8 + grey * 10;
  return away([level, level, level]) < away([CUBE[r]!, CUBE[g]!, CUBE[b]!])
    ? 232 + grey
    : 16 + 36 * r + 6 * g + b;
}
