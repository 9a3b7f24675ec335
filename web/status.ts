/** The line that says how far the picture may be trusted: how old, from whom, how much, how fast. */
import { type Answer, timeOfDay } from './answer.ts';
import { byId, countText, setText } from './dom.ts';

export type Liveness = 'live' | 'paused' | 'away' | 'busy' | 'wrong' | 'unmeasured' | 'waiting';

const WORDS: { readonly [liveness in Liveness]: string } = {
  live: 'live',
  paused: 'paused',
  away: 'server away',
  busy: 'server busy',
  wrong: 'not running',
  unmeasured: 'not measured',
  waiting: 'asking',
};

/** Names written out; the rest is a number. */
const NAMES_MAX = 3;
/** A newest second older than this is worth a colour. */
const OLD_SECONDS = 5;

export class Status {
  readonly #line = byId('status', HTMLElement);
  readonly #state = byId('state', HTMLElement);
  readonly #newest = byId('newest', HTMLElement);
  readonly #age = byId('age', HTMLElement);
  readonly #sources = byId('sources', HTMLElement);
  readonly #counted = byId('counted', HTMLElement);
  readonly #total = byId('total', HTMLElement);
  readonly #notes = byId('notes', HTMLElement);
  readonly #took = byId('took', HTMLElement);
  #frontier: number | undefined;

  show(answer: Answer, serverMs: number | undefined): void {
    this.#frontier = answer.frontier;
    setText(this.#newest, answer.frontier === undefined ? '–' : `${timeOfDay(answer.frontier - 1)} UTC`);
    setText(this.#counted, answer.kind === 'heatmap' ? 'counted' : 'rows');
    setText(
      this.#total,
      countText(answer.kind === 'heatmap' ? answer.total : answer.rows.length + answer.rowsLeft),
    );
    this.took(serverMs ?? answer.serverMs);
    this.#showSources(answer);
    setText(this.#notes, answer.notes.join('; '));
    this.tick();
  }

  took(serverMs: number | undefined): void {
    if (serverMs !== undefined)
      setText(this.#took, `${serverMs < 10 ? serverMs.toFixed(1) : Math.round(serverMs)} ms`);
  }

  liveness(liveness: Liveness): void {
    this.#line.dataset['state'] = liveness;
    setText(this.#state, WORDS[liveness]);
  }

  /** Once a second: the age grows by itself, also when nothing comes. */
  tick(): void {
    if (this.#frontier === undefined) return setText(this.#age, '–');
    const seconds = Math.max(0, Date.now() / 1000 - this.#frontier);
    setText(this.#age, ageText(seconds));
    this.#age.classList.toggle('bad', seconds >= OLD_SECONDS);
  }

  #showSources({ coverage }: Answer): void {
    if (coverage === undefined) return setText(this.#sources, '–');
    const { reporting, expecting, missing } = coverage;
    const names = missing.slice(0, NAMES_MAX).map(({ name, seconds }) => `${name} (${seconds} s)`);
    const more = missing.length > NAMES_MAX ? ` and ${missing.length - NAMES_MAX} more` : '';
    const gaps = names.length === 0 ? '' : `, missing: ${names.join(', ')}${more}`;
    setText(this.#sources, `${reporting} of ${expecting}${gaps}`);
    this.#sources.title = missing.map(({ name, seconds }) => `${name} misses ${seconds} s`).join('\n');
    this.#sources.classList.toggle('bad', reporting < expecting);
  }
}

function ageText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}
