/** What is being measured, and whether it is: one line an instrumentation, with what each source says that does not
 *  measure, and buttons to pause, resume and drop it. Asked every few seconds; the lines keep their order. */
import type { InstrumentationState } from './answer.ts';
import { askInstrumentations, run } from './client.ts';
import { button, byId, make } from './dom.ts';
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
    const lines = reply.body.slice(0, LINES_MAX).map((one) => this.#line(one));
    const left = reply.body.length - lines.length;
    const none = make(
      'p',
      'none',
      'Nothing is instrumented yet. Ask a question: the page offers the statement that measures it.',
    );
    this.#body.replaceChildren(...(lines.length === 0 ? [none] : lines));
    if (left > 0) this.#body.append(make('p', 'none', `and ${left} more`));
  }

  #line(one: InstrumentationState): HTMLElement {
    const { id, statement, state, sources } = one;
    const enabled = sources.filter((source) => source.state === 'enabled').length;
    const reasons = sources.flatMap(({ source, state: its, reason }) =>
      its === 'enabled' ? [] : [`${source} ${its}${reason === '' ? '' : `: ${reason}`}`],
    );
    const row = make(
      'div',
      'instrumentation',
      make('span', 'name', nameOf(one)),
      make('span', 'state', state),
      make('span', 'sources', `${enabled}/${sources.length}`),
      make('code', 'statement', statement),
      this.#buttons(id, state),
      ...reasons.map((text) => make('span', 'reason', text)),
    );
    row.dataset['state'] = state;
    return row;
  }

  #buttons(id: string, state: string): HTMLElement {
    const act = (label: string, title: string, statement: string, question?: string): HTMLElement => {
      const element = button('act', label, () => {
        if (question !== undefined && !window.confirm(question)) return;
        element.disabled = true;
        void this.#run(statement);
      });
      element.title = title;
      return element;
    };
    const name = JSON.stringify(id);
    const rest =
      state === 'paused'
        ? act('resume', 'measure again', `resume ${name}`)
        : act('pause', 'measure no more for a while; its history stays', `pause ${name}`);
    const question = `Stop measuring "${id}" and forget all that was measured?`;
    return make('span', 'acts', rest, act('drop', 'stop measuring, and forget', `drop ${name}`, question));
  }

  /** What came of it shows in the list; a refusal is said. */
  async #run(statement: string): Promise<void> {
    const reply = await run(statement, new AbortController().signal);
    if (reply.kind === 'problem') window.alert(reply.problem.detail);
    if (reply.kind === 'away') window.alert('The server does not answer');
    this.#shown = '';
    this.#etag = undefined;
    await this.refresh();
  }
}

function nameOf({ id, statement }: InstrumentationState): HTMLElement {
  const read = readOf(statement);
  if (read === undefined) return make('span', '', id);
  const link = make('a', '', id);
  link.href = `#q=${encodeURIComponent(read)}`;
  link.title = `look at it: ${read}`;
  return link;
}
