/** A PNG as the bytes that make a terminal show it. Two protocols:
 *  kitty's graphics protocol (sw.kovidgoyal.net/kitty/graphics-protocol; also Ghostty, WezTerm, Konsole): APC G, PNG
 *  (f=100), shown at once (a=T), base64 in chunks of at most 4096 characters, all but the last marked m=1;
 *  iTerm2's inline images (iterm2.com/documentation-images.html; also WezTerm, mintty): OSC 1337 File.
 *  Does not: know the terminal, write to it. */
export const IMAGE_PROTOCOLS = ['kitty', 'iterm'] as const;
export type ImageProtocol = (typeof IMAGE_PROTOCOLS)[number];

/** By the protocol. */
const KITTY_CHUNK = 4096;

export function terminalImage(png: Uint8Array, protocol: ImageProtocol): string {
  const base64 = Buffer.from(png.buffer, png.byteOffset, png.byteLength).toString('base64');
  if (protocol === 'iterm') {
    return `\u001b]1337;File=inline=1;size=${png.length};preserveAspectRatio=1:${base64}\u0007\n`;
  }
  const chunks: string[] = [];
  for (let at = 0; at < base64.length; at += KITTY_CHUNK) chunks.push(base64.slice(at, at + KITTY_CHUNK));
  const written = chunks.map((chunk, i) => {
    const control = `${i === 0 ? 'f=100,a=T,q=2,' : ''}m=${i < chunks.length - 1 ? 1 : 0}`;
    return `\u001b_G${control};${chunk}\u001b\\`;
  });
  return `${written.join('')}\n`;
}

/** What the terminal says of itself in its environment; undefined where it names none of the two. */
export function imageProtocolOf(
  environment: Readonly<Record<string, string | undefined>>,
): ImageProtocol | undefined {
  const { TERM = '', TERM_PROGRAM = '', KITTY_WINDOW_ID, LC_TERMINAL } = environment;
  if (KITTY_WINDOW_ID !== undefined || /kitty|ghostty/.test(TERM) || TERM_PROGRAM === 'ghostty')
    return 'kitty';
  if (/^(iTerm\.app|WezTerm|mintty)$/.test(TERM_PROGRAM) || LC_TERMINAL === 'iTerm2') return 'iterm';
  return undefined;
}
