/** Terminals get the PNG's very bytes, in chunks that the protocols allow. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageProtocolOf, terminalImage } from '../../src/render/terminal-image.ts';

const bytes = fc.uint8Array({ minLength: 1, maxLength: 20_000 });

/** Controls as their pictures. */
function shown(text: string): string {
  return text.replaceAll('\u001b', '␛').replaceAll('\u0007', '␇');
}

describe('a picture for a terminal', () => {
  it('is whole in kitty, in chunks of which all but the last are followed', () => {
    fc.assert(
      fc.property(bytes, (png) => {
        const text = terminalImage(png, 'kitty');
        const chunks = [...shown(text).matchAll(/␛_G([^;]*);([^␛]*)␛\\/g)];
        expect(`${chunks.map(([whole]) => whole).join('')}\n`).toBe(shown(text));
        expect(chunks[0]![1]).toContain('f=100,a=T');
        expect(chunks.map(([, control]) => control!.endsWith('m=1'))).toEqual(
          chunks.map((_, i) => i < chunks.length - 1),
        );
        for (const [, , data] of chunks) expect(data!.length).toBeLessThanOrEqual(4096);
        expect(Buffer.from(chunks.map(([, , data]) => data).join(''), 'base64').equals(png)).toBe(true);
      }),
    );
  });

  it('is whole in iTerm2, with its size', () => {
    fc.assert(
      fc.property(bytes, (png) => {
        const text = shown(terminalImage(png, 'iterm'));
        const [, size, data] = /^␛\]1337;File=inline=1;size=(\d+);[^:]*:(.*)␇\n$/.exec(text)!;
        expect(Number(size)).toBe(png.length);
        expect(Buffer.from(data!, 'base64').equals(png)).toBe(true);
      }),
    );
  });

  it('goes by what the terminal says of itself', () => {
    expect(imageProtocolOf({ TERM: 'xterm-kitty' })).toBe('kitty');
    expect(imageProtocolOf({ KITTY_WINDOW_ID: '3' })).toBe('kitty');
    expect(imageProtocolOf({ TERM_PROGRAM: 'iTerm.app' })).toBe('iterm');
    expect(imageProtocolOf({ LC_TERMINAL: 'iTerm2', TERM: 'screen' })).toBe('iterm');
    expect(imageProtocolOf({ TERM: 'xterm-256color' })).toBeUndefined();
  });
});
