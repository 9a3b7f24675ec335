/** The one text field, with the place of a mistake underlined beneath it. A mirror of the text lies under the
 *  field in the same font; only its underline is visible. */
import type { Problem, ProblemError } from './answer.ts';
import { button, byId, make } from './dom.ts';
import { withSuggestion } from './query-text.ts';

/** Mistakes told at once. */
const ERRORS_MAX = 3;

export class QueryLine {
  readonly #field = byId('query', HTMLTextAreaElement);
  readonly #mirror = byId('mirror', HTMLElement);
  readonly #message = byId('message', HTMLElement);
  readonly #hint = [...this.#message.childNodes];
  readonly #run: (text: string) => void;

  constructor(run: (text: string) => void) {
    this.#run = run;
    byId('ask', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      run(this.text);
    });
    this.#field.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        run(this.text);
      } else if (event.key === 'Escape') this.#field.blur();
    });
    this.#field.addEventListener('input', () => {
      this.clearErrors();
      this.#fit();
    });
    new ResizeObserver(() => this.#fit()).observe(this.#field);
  }

  get text(): string {
    return this.#field.value.trim();
  }

  set text(text: string) {
    if (this.#field.value !== text) this.#field.value = text;
    this.clearErrors();
    this.#fit();
  }

  focus(): void {
    this.#field.focus();
    this.#field.select();
  }

  clearErrors(): void {
    this.#mirror.replaceChildren();
    this.#message.replaceChildren(...this.#hint);
    this.#message.classList.remove('error');
    this.#field.removeAttribute('aria-invalid');
  }

  showProblem({ title, detail, errors }: Problem): void {
    const shown = errors.slice(0, ERRORS_MAX);
    this.#field.setAttribute('aria-invalid', 'true');
    this.#underline(shown);
    this.#message.classList.add('error');
    const parts = shown.map((error) => this.#errorPart(error));
    this.#message.replaceChildren(...(parts.length > 0 ? parts : [detail === '' ? title : detail]));
  }

  #errorPart(error: ProblemError): HTMLElement {
    const { message, position, suggestion } = error;
    const part = make('span', 'fault', message);
    if (suggestion === undefined || position === undefined) return part;
    const text = this.#field.value;
    part.append(
      button('suggestion', `write ${suggestion.trim()}`, () => {
        this.text = withSuggestion(text, position, suggestion);
        this.#run(this.text);
      }),
    );
    return part;
  }

  #underline(errors: readonly ProblemError[]): void {
    // The server was sent the text without the spaces around it.
    const text = this.#field.value;
    const lead = text.length - text.trimStart().length;
    const parts: (Node | string)[] = [];
    let at = 0;
    const places = errors.flatMap(({ position }) => (position === undefined ? [] : [position]));
    for (const { offset, length } of places.toSorted((a, b) => a.offset - b.offset)) {
      const from = Math.min(Math.max(at, offset + lead), text.length);
      const until = Math.min(Math.max(from, offset + lead + length), text.length);
      // At the end of the text there is nothing to underline but the place where more is expected.
      parts.push(
        text.slice(at, from),
        make('mark', '', until > from ? text.slice(from, until) : '\u00a0\u00a0'),
      );
      at = until;
    }
    this.#mirror.replaceChildren(...parts, text.slice(at));
  }

  #fit(): void {
    this.#field.style.setProperty('height', 'auto');
    this.#field.style.setProperty('height', `${this.#field.scrollHeight}px`);
  }
}
