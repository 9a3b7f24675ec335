/** The parser's grammar as railroad diagrams: what docs/grammar.svg shows. One picture, a rule below the other;
 *  keywords and signs in round boxes, tokens with a value in italics, other rules in square boxes that lead to them. */
import type { ISerializedGast } from 'chevrotain';
import { grammar } from '../../src/query/grammar.ts';
import { TOKENS } from './ebnf.ts';

type Definition = ISerializedGast & {
  readonly name?: string;
  readonly label?: string;
  readonly definition?: readonly Definition[];
  readonly separator?: Definition;
};

/** A piece of track: `up` and `down` are the room that it takes above and below its rail. */
interface Track {
  readonly width: number;
  readonly up: number;
  readonly down: number;
  readonly draw: (x: number, y: number) => string;
}

const CHARACTER = 8;
const BOX = 11;
const GAP = 10;
/** Radius of the bends. */
const BEND = 10;
const MARGIN = 16;

export function grammarSvg(): string {
  const rules = grammar.getSerializedGastProductions() as Definition[];
  let y = MARGIN;
  let width = 0;
  const parts: string[] = [];
  for (const { name, definition } of rules) {
    const track = sequence(definition!);
    y += 16;
    parts.push(`<text id="${name}" class="rule" x="${MARGIN}" y="${y}">${name}</text>`);
    y += 10 + track.up;
    const end = MARGIN + 2 * GAP + track.width;
    parts.push(
      line(`M${MARGIN},${y - 6}v12m0,-6h${GAP}`),
      track.draw(MARGIN + GAP, y),
      line(`M${end - GAP},${y}h${GAP}m0,-6v12`),
    );
    width = Math.max(width, end + MARGIN);
    y += track.down + MARGIN;
  }
  return `${head(width, y)}\n${parts.join('\n')}\n</svg>\n`;
}

function head(width: number, height: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>The grammar of the query language</title>
<style>
svg { background: #fff; color: #1b1f24; font: 13px "DejaVu Sans Mono", monospace; }
.rule { font-weight: bold; fill: currentColor; }
.track, .box { fill: none; stroke: currentColor; stroke-width: 1.2; }
.word { fill: #e8f1fb; } .token { fill: #fdf3dc; } .other { fill: #f1f1f1; }
.box text { fill: currentColor; stroke: none; text-anchor: middle; } .token text { font-style: italic; }
@media (prefers-color-scheme: dark) {
svg { background: #14171b; color: #d7dde4; } .word { fill: #1d3147; } .token { fill: #40361b; } .other { fill: #2a2d32; }
}
</style>`;
}

function line(path: string): string {
  return `<path class="track" d="${path}"/>`;
}

function box(text: string, kind: 'word' | 'token' | 'other'): Track {
  const width = text.length * CHARACTER + 20;
  const radius = kind === 'other' ? 0 : BOX;
  const shown = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const draw = (x: number, y: number): string => {
    const body = `<g class="box ${kind}"><rect x="${x}" y="${y - BOX}" width="${width}" height="${2 * BOX}" rx="${radius}"/><text x="${x + width / 2}" y="${y + 4}">${shown}</text></g>`;
    return kind === 'other' ? `<a href="#${text}">${body}</a>` : body;
  };
  return { width, up: BOX, down: BOX, draw };
}

const SKIP: Track = { width: 0, up: 0, down: 0, draw: () => '' };

function sequence(parts: readonly Definition[]): Track {
  const tracks = parts.map(trackOf);
  return {
    width: tracks.reduce((sum, track) => sum + track.width, GAP * Math.max(0, tracks.length - 1)),
    up: Math.max(0, ...tracks.map((track) => track.up)),
    down: Math.max(0, ...tracks.map((track) => track.down)),
    draw: (x, y) => {
      let at = x;
      return tracks
        .map((track, i) => {
          const joint = i === 0 ? '' : line(`M${at},${y}h${GAP}`);
          at += i === 0 ? 0 : GAP;
          const drawn = track.draw(at, y);
          at += track.width;
          return joint + drawn;
        })
        .join('');
    },
  };
}

/** The first goes straight on, the others below. */
function choice(tracks: readonly Track[]): Track {
  const inner = Math.max(...tracks.map((track) => track.width));
  const offsets = [0];
  for (let i = 1; i < tracks.length; i++) {
    const room = tracks[i - 1]!.down + tracks[i]!.up + 8;
    offsets.push(offsets[i - 1]! + Math.max(room, 2 * BEND));
  }
  const width = inner + 4 * BEND;
  return {
    width,
    up: tracks[0]!.up,
    down: offsets.at(-1)! + tracks.at(-1)!.down,
    draw: (x, y) =>
      tracks
        .map((track, i) => {
          const at = y + offsets[i]!;
          const rest = inner - track.width;
          const isFirst = i === 0;
          const into = isFirst
            ? `M${x},${y}h${2 * BEND}`
            : `M${x},${y}q${BEND},0 ${BEND},${BEND}V${at - BEND}q0,${BEND} ${BEND},${BEND}`;
          const from = x + 2 * BEND + track.width;
          const out = isFirst
            ? `M${from},${y}h${rest + 2 * BEND}`
            : `M${from},${at}h${rest}q${BEND},0 ${BEND},${-BEND}V${y + BEND}q0,${-BEND} ${BEND},${-BEND}`;
          return line(into) + track.draw(x + 2 * BEND, at) + line(out);
        })
        .join(''),
  };
}

/** Once or more; the way back leads through the separator. */
function loop(track: Track, separator: Track): Track {
  const inner = Math.max(track.width, separator.width);
  const below = Math.max(track.down + separator.up + 8, 2 * BEND);
  return {
    width: inner + 4 * BEND,
    up: track.up,
    down: below + separator.down,
    draw: (x, y) => {
      const [left, right] = [x + 2 * BEND, x + 2 * BEND + inner];
      const rail = `M${x},${y}h${2 * BEND}M${left + track.width},${y}H${right + 2 * BEND}`;
      const middle = left + (inner - separator.width) / 2;
      const back = `M${right},${y}q${BEND},0 ${BEND},${BEND}V${y + below - BEND}q0,${BEND} ${-BEND},${BEND}H${middle + separator.width}M${middle},${y + below}H${left}q${-BEND},0 ${-BEND},${-BEND}V${y + BEND}q0,${-BEND} ${BEND},${-BEND}`;
      return line(rail) + track.draw(left, y) + line(back) + separator.draw(middle, y + below);
    },
  };
}

function trackOf(part: Definition): Track {
  const inner = part.definition ?? [];
  switch (part.type) {
    case 'Terminal':
      return terminal(part);
    case 'NonTerminal':
      return box(part.name!, 'other');
    case 'Option':
      return choice([SKIP, sequence(inner)]);
    case 'Repetition':
      return choice([SKIP, loop(sequence(inner), SKIP)]);
    case 'RepetitionMandatoryWithSeparator':
      return loop(sequence(inner), terminal(part.separator!));
    case 'Alternation':
      return choice(inner.map((alternative) => sequence(alternative.definition!)));
    case 'Alternative':
    case 'Rule':
    case 'RepetitionMandatory':
    case 'RepetitionWithSeparator':
      throw new Error(`no form for ${part.type}`);
  }
}

function terminal({ name, label }: Definition): Track {
  const token = TOKENS[name!];
  return token === undefined ? box(label!, 'word') : box(token, 'token');
}
