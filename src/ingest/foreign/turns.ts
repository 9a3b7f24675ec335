/** One piece of work at a time, in the order asked, but for what may go first. Does not: bound how many wait (who asks
 *  does). What fails rejects for who asked, and the next has its turn. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;

  async run<T>(work: () => T | Promise<T>, place: 'first' | 'last' = 'last'): Promise<T> {
    if (this.#isBusy) {
      await new Promise<void>((resolve) => {
        if (place === 'first') this.#waiting.unshift(resolve);
        else this.#waiting.push(resolve);
      });
    }
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#isBusy = false;
      else next();
    }
  }
}
