/** Turns of one thread: questions are answered a slice at a time; what the store has to do behind the fold is done
 *  when nobody asks, and now and then when somebody does; between two turns the event loop goes round, so a batch
 *  of the log is folded and a new question begins. Owns: whose turn it is, how much memory waiting answers hold,
 *  how a question that nobody waits for any more is ended. Does not: know what is asked.
 *
 *  Whoever has had the least time goes first (least attained service: it needs no estimate of what a question
 *  takes), so a short question beside a long one is answered as if it were nearly alone; every so many turns the
 *  one that has waited longest goes, so a long one is answered however many short ones come. */

/** A turn of a question ends with the first slice that ends later: a batch of the log and a live picture take
 *  about as long, so neither waits for more than twice itself. */
const TURN_MS = 5;
/** Every so many turns the question goes that has waited longest. A short question gives up at most a quarter of its
 *  time to all the others. */
const LONGEST_EVERY = 4;
/** Every so many turns of questions the store has one, so that roll-ups keep up while a console is always open. */
const WORK_EVERY = 8;
/** Cells held by all questions together, 13 bytes each: 208 MB. Past that only the oldest goes on, which is bounded
 *  by itself (scan.ts), and those that hold little. */
const CELLS_MAX = 16e6;
/** What a question may hold in any case: 64 at a time are as much as CELLS_MAX, and ten minutes of a live picture
 *  are less. */
const CELLS_SPARED = 250_000;

export interface TurnsOptions {
  readonly nowMs: () => number;
  /** Does one unit of background work; false where nothing is left to do. */
  readonly work: () => boolean;
  /** `work` threw: it is not asked for more. */
  readonly onFault: (error: unknown) => void;
  readonly cellsMax?: number;
}

/** Nobody waits for the answer any more. */
export class GivenUpError extends Error {
  readonly code = 'GIVEN_UP';
}

interface Running {
  /** Cells that it holds. */
  cells: number;
  /** Time that its turns took. */
  spentMs: number;
  /** Runs one slice; false once it is over. */
  readonly step: () => boolean;
  readonly giveUp: () => void;
}

export class Turns {
  readonly #options: TurnsOptions;
  readonly #cellsMax: number;
  /** The one that has waited longest first. */
  readonly #queue: Running[] = [];
  /** The oldest first. */
  readonly #ages = new Set<Running>();
  #workDue = false;
  #turning = false;
  #turn = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#cellsMax = options.cellsMax ?? CELLS_MAX;
  }

  /** Questions under way. */
  get size(): number {
    return this.#queue.length;
  }

  /** Resolves with what `slices` return; each yields the cells that are held then. Rejects with what they throw, or
   *  with GivenUpError when `signal` aborts: then the iteration is ended. */
  run<T>(slices: Iterator<number, T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const running: Running = {
        cells: 0,
        spentMs: 0,
        step: () => {
          try {
            const { done, value } = slices.next();
            if (done !== true) {
              running.cells = value;
              return true;
            }
            resolve(value);
          } catch (error) {
            reject(error);
          }
          signal?.removeEventListener('abort', running.giveUp);
          return false;
        },
        giveUp: () => {
          signal?.removeEventListener('abort', running.giveUp);
          this.#remove(running);
          reject(new GivenUpError('Cannot answer: nobody waits for it'));
          slices.return?.();
        },
      };
      if (signal?.aborted === true) return running.giveUp();
      signal?.addEventListener('abort', running.giveUp);
      this.#queue.push(running);
      this.#ages.add(running);
      void this.#go();
    });
  }

  /** There may be work behind the fold. */
  wake(): void {
    this.#workDue = true;
    void this.#go();
  }

  /** Gives all questions up and does no more work. */
  close(): void {
    this.#workDue = false;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) next.giveUp();
  }

  async #go(): Promise<void> {
    if (this.#turning) return;
    this.#turning = true;
    while (this.#queue.length > 0 || this.#workDue) {
      this.#takeTurn();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#turning = false;
  }

  #takeTurn(): void {
    const running = this.#next();
    if (running !== undefined) {
      this.#turn++;
      this.#answer(running);
    }
    if (this.#workDue && (running === undefined || this.#turn % WORK_EVERY === 0)) this.#work();
  }

  #answer(running: Running): void {
    const { nowMs } = this.#options;
    const startMs = nowMs();
    let goesOn: boolean;
    do goesOn = running.step();
    while (goesOn && Math.abs(nowMs() - startMs) < TURN_MS);
    running.spentMs += Math.abs(nowMs() - startMs);
    if (!goesOn || !this.#ages.has(running)) return this.#remove(running);
    this.#queue.splice(this.#queue.indexOf(running), 1);
    this.#queue.push(running);
  }

  /** Of those that may hold more. */
  #next(): Running | undefined {
    let cells = 0;
    for (const running of this.#queue) cells += running.cells;
    const [oldest] = this.#ages;
    const ready =
      cells < this.#cellsMax
        ? this.#queue
        : this.#queue.filter((running) => running === oldest || running.cells < CELLS_SPARED);
    if (this.#turn % LONGEST_EVERY === LONGEST_EVERY - 1) return ready[0];
    return ready.reduce<Running | undefined>(
      (least, running) => (least === undefined || running.spentMs < least.spentMs ? running : least),
      undefined,
    );
  }

  #work(): void {
    try {
      this.#workDue = this.#options.work();
    } catch (error) {
      this.#workDue = false;
      this.#options.onFault(error);
    }
  }

  #remove(running: Running): void {
    const place = this.#queue.indexOf(running);
    if (place >= 0) this.#queue.splice(place, 1);
    this.#ages.delete(running);
  }
}
