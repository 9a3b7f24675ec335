/** A store's life as a plan that fast-check can shrink: entries folded one by one, and between them work, commits,
 *  crashes at any named step, and looks at what is served, each compared with the model of the same entries. */
import fc from 'fast-check';
import { referenceKernel } from '../../src/kernel/reference.ts';
import {
  openStore,
  type Store,
  STORE_STEPS,
  type StoreOptions,
  type StoreStep,
} from '../../src/store/store.ts';
import { difference } from '../sim/difference.ts';
import { storedSegments } from '../sim/directory.ts';
import { type SimEntry, toLogEntry } from '../sim/entries.ts';
import { EVERYTHING, Model, type ServedRange } from '../sim/model.ts';
import { serve } from '../sim/serve.ts';
import { INSTRUMENTATIONS } from '../sim/traffic.ts';

export type Action =
  | { readonly act: 'work'; readonly units: number }
  | { readonly act: 'checkpoint' }
  | { readonly act: 'reopen' }
  /** The nth time that this step comes, it fails. */
  | { readonly act: 'fail'; readonly step: StoreStep; readonly nth: number }
  | {
      readonly act: 'look';
      readonly which: number;
      readonly stepSeconds: number;
      /** The range lies around the time of the entries so far. */
      readonly back: number;
      readonly length: number;
    };

/** When: a share of the entries. */
export type Plan = readonly { readonly share: number; readonly action: Action }[];

/** Steps of every kind: of each level, and such as only finer levels divide. */
export const STEPS = [1, 3, 10, 20, 60, 90, 120, 600, 1200, 1800, 3600, 7200] as const;

const work = fc.record({ act: fc.constant('work' as const), units: fc.constantFrom(1, 2, 5, 1000) });
const look = fc.record({
  act: fc.constant('look' as const),
  which: fc.nat(INSTRUMENTATIONS.length - 1),
  stepSeconds: fc.constantFrom(...STEPS),
  back: fc.oneof(fc.nat(3000), fc.nat(200_000)),
  length: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.constantFrom(20_000, 300_000, 2_000_000)),
});
const crash = fc.oneof(
  fc.constant({ act: 'checkpoint' as const }),
  fc.constant({ act: 'reopen' as const }),
  fc.record({ act: fc.constant('fail' as const), step: fc.constantFrom(...STORE_STEPS), nth: fc.nat(2) }),
);

const planOf = (action: fc.Arbitrary<Action>, maxLength: number): fc.Arbitrary<Plan> =>
  fc.array(fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), action }), {
    maxLength,
    size: 'max',
  });

/** Work and crashes at any time. */
export const arbitraryCrashes = planOf(fc.oneof({ weight: 2, arbitrary: work }, crash), 10);
/** Work, and looks before, between and after. */
export const arbitraryLooks = planOf(fc.oneof(work, { weight: 2, arbitrary: look }, crash), 20);

export class InjectedFailure extends Error {}

export class Play {
  readonly directory: string;
  readonly entries: readonly SimEntry[];
  readonly #options: Partial<StoreOptions>;
  #failing: { readonly step: StoreStep; left: number } | undefined;
  store: Store;

  constructor(entries: readonly SimEntry[], directory: string, options: Partial<StoreOptions> = {}) {
    this.entries = entries;
    this.directory = directory;
    this.#options = options;
    this.store = this.#open();
  }

  /** Folds all entries, doing what is planned on the way. Returns what a look found wrong. */
  run(plan: Plan): string | undefined {
    const acts = plan
      .map(({ share, action }) => ({ at: Math.round(share * this.entries.length), action }))
      .toSorted((a, b) => a.at - b.at);
    for (const { at, action } of acts) {
      this.foldUntil(at);
      const wrong = this.#do(action);
      if (wrong !== undefined) return `after ${this.store.resumeOffset} entries: ${wrong}`;
    }
    this.foldUntil(this.entries.length);
    return undefined;
  }

  foldUntil(end: number): void {
    while (this.store.resumeOffset < end) {
      const entry = this.entries[this.store.resumeOffset]!;
      this.attempt(() => this.store.fold([toLogEntry(entry)]));
    }
  }

  /** What fails as planned is a crash: the store is opened again. */
  attempt<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof InjectedFailure)) throw error;
      this.reopen();
      return undefined;
    }
  }

  reopen(): void {
    this.store.close();
    this.#failing = undefined;
    this.store = this.#open();
  }

  /** Does all that is due, and nothing fails. */
  workOff(): void {
    this.#failing = undefined;
    while (this.store.work());
  }

  /** All that is due is done; what is stored then, of all files. */
  settled(): string[] {
    this.#failing = undefined;
    this.store.checkpoint();
    this.workOff();
    this.reopen();
    this.workOff();
    this.store.close();
    return storedSegments(this.directory);
  }

  /** The difference between what is served and what the model of the entries so far says. */
  look(which: number, range: ServedRange = EVERYTHING): string | undefined {
    const { id } = INSTRUMENTATIONS[which]!;
    const model = Model.of(this.entries.slice(0, this.store.resumeOffset));
    const served = { [id]: serve(this.store.reader, id, range) };
    const wrong = difference(served, { [id]: model.served(id, range) });
    return wrong === undefined ? undefined : `${id} ${JSON.stringify(range)}\n${wrong}`;
  }

  #do(action: Action): string | undefined {
    switch (action.act) {
      case 'work':
        this.attempt(() => {
          for (let unit = 0; unit < action.units && this.store.work(); unit++);
        });
        return undefined;
      case 'checkpoint':
        this.attempt(() => this.store.checkpoint());
        return undefined;
      case 'reopen':
        this.reopen();
        return undefined;
      case 'fail':
        this.#failing = { step: action.step, left: action.nth };
        return undefined;
      case 'look': {
        const { which, stepSeconds, back, length } = action;
        const now = Math.floor((this.entries[this.store.resumeOffset - 1]?.arrivedMs ?? 0) / 1000);
        const from = Math.max(0, now - back);
        const fromSecond = from - (from % stepSeconds);
        return this.look(which, { stepSeconds, fromSecond, untilSecond: from + length });
      }
    }
  }

  #open(): Store {
    return openStore({
      directory: this.directory,
      kernel: referenceKernel,
      owns: () => true,
      logIdentity: 'log',
      ...this.#options,
      onStep: (step) => {
        if (this.#failing?.step === step && this.#failing.left-- === 0) throw new InjectedFailure(step);
        this.#options.onStep?.(step);
      },
    });
  }
}
