/** What is being measured, and whether it is: one line an instrumentation, with the reasons of those that fail.
 *  Asked every few seconds; the lines keep their order. */
import type { InstrumentationState } from './answer.ts';
import { askInstrumentations } from './client.ts';
import { byId, make } from './dom.ts';
import { readOf } from './query-text.ts';

const EVERY_MS = 3000;
/** Lines shown; the rest is a number. */
const LINES_MAX = 50;

export class Instrumentations {
  readonly #body = byId('instrumentations', HTMLElement);
  #etag: string | undefined;
  #shown = '';

  start(): void {
    const turn = async (): Promise<void> => {
      if (!document.hidden) await this.refresh();
      setTimeout(() => void turn(), EVERY_MS);
    };
    void turn();
  }

  async refresh(): Promise<void> {
    const reply = await askInstrumentations(this.#etag, new AbortController().signal);
    if (reply.kind !== 'fresh') return;
    this.#etag = reply.etag;
    const text = JSON.stringify(reply.body);
    if (text === this.#shown) return;
    this.#shown = text;
    const lines = reply.body.slice(0, LINES_MAX).map(line);
    const left = reply.body.length - lines.length;
    const none = make(
      'p',
      'none',
      'Nothing is instrumented yet. Ask a question: the page offers the statement that measures it.',
    );
    this.#body.replaceChildren(...(lines.length === 0 ? [none] : lines));
    if (left > 0) this.#body.append(make('p', 'none', `and ${left} more`));
  }
}

function line({ id, statement, state, sources }: InstrumentationState): HTMLElement {
  const enabled = sources.filter((source) => source.state === 'enabled').length;
  const read = readOf(statement);
  const text = read === undefined ? make('span', '', id) : make('a', '', id);
  if (text instanceof HTMLAnchorElement) {
    text.href = `#q=${encodeURIComponent(read!)}`;
    text.title = `look at it: ${read!}`;
  }
  const failed = sources.filter((source) => source.state === 'failed');
  const reasons = failed.map(({ source, reason }) => `${source}: ${reason}`).join('; ');
  const row = make(
    'div',
    'instrumentation',
    make('span', 'name', text),
    make('span', 'state', state),
    make('span', 'sources', `${enabled}/${sources.length}`),
    make('code', 'statement', statement),
    ...(reasons === '' ? [] : [make('span', 'reason', reasons)]),
  );
  row.dataset['state'] = state;
  return row;
}
