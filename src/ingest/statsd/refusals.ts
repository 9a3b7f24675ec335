/** Lines that were not taken, for a person: how many of each kind and the first of them with the reason, once a minute
 *  at most. */

const TELL_SECONDS = 60;
const SHOWN = 120;

export class Refusals {
  readonly #kinds = new Map<string, { count: number; readonly first: string }>();
  #toldSecond = 0;

  /** Gives back the kind. */
  refuse(kind: string, line: string, why: string): string {
    const known = this.#kinds.get(kind);
    if (known === undefined)
      this.#kinds.set(kind, { count: 1, first: `${JSON.stringify(line.slice(0, SHOWN))}: ${why}` });
    else known.count++;
    return kind;
  }

  /** One line a kind where it is time to tell. */
  tell(second: number): string[] {
    if (this.#kinds.size === 0 || Math.abs(second - this.#toldSecond) < TELL_SECONDS) return [];
    this.#toldSecond = second;
    const lines = [...this.#kinds].map(
      ([kind, { count, first }]) =>
        `${count} ${count === 1 ? 'line' : 'lines'} not taken (${kind}), the first was ${first}`,
    );
    this.#kinds.clear();
    return lines;
  }
}
