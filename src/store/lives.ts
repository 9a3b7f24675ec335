/** Which instrumentations live, expired or were dropped: the control events folded. Owns: the rules of a life.
 *  Does not: own series. The fold and the catalogue both go by it, so they agree.
 *  - created under the name of one that measures the same: continues it, with its history.
 *  - created under the name of one that measures something else: replaces it, and its history goes.
 *  - paused: lives, and is measured by nobody; what still comes is taken.
 *  - expired: takes nothing new, its history stays for its retention, and while a pin holds a range of it.
 *  - dropped: its history goes at once. */
import { bucketCount } from '../model/grid.ts';
import { INSTRUMENTATION_ID, type Instrumentation, measuresText } from '../model/instrumentation.ts';
import { keepSecondsMax } from '../model/level.ts';
import { DISCRETE_FIELDS_MAX, INSTRUMENTATIONS_MAX } from '../model/limits.ts';
import type { ControlEvent } from '../model/control.ts';
import { unreachable } from '../model/assert.ts';

/** Expired instrumentations with history; past that the one that expired first loses it, but not a pinned one:
 *  of those there are no more than pins. */
export const EXPIRED_MAX = 1000;
/** Names of dropped ones that are remembered: reports of theirs are still under way. */
const DROPPED_MAX = 256;

export interface Life {
  readonly instrumentation: Instrumentation;
  /** Nothing is measured from this second on. */
  readonly expiredSecond?: number;
}

export type InstrumentationEvent = Extract<ControlEvent, { kind: `instrumentation-${string}` }>;

export interface LifeChange {
  /** The one whose life began or changed. */
  readonly life?: Life;
  /** Names whose history goes. */
  readonly gone: readonly string[];
  /** Why the event was not taken. */
  readonly refused?: string;
}

export interface LivesState {
  lives: Life[];
  dropped: string[];
}

export class Lives {
  readonly #lives = new Map<string, Life>();
  readonly #dropped: Set<string>;
  readonly #isPinned: (id: string) => boolean;

  /** `isPinned` tells which have pins at the moment of asking. */
  constructor(
    state: LivesState = { lives: [], dropped: [] },
    isPinned: (id: string) => boolean = () => false,
  ) {
    this.#isPinned = isPinned;
    for (const life of state.lives) this.#lives.set(life.instrumentation.id, life);
    this.#dropped = new Set(state.dropped);
  }

  get(id: string): Life | undefined {
    return this.#lives.get(id);
  }

  /** In the order in which they began. */
  all(): readonly Life[] {
    return [...this.#lives.values()];
  }

  living(): readonly Instrumentation[] {
    return this.all()
      .filter((life) => life.expiredSecond === undefined)
      .map((life) => life.instrumentation);
  }

  wasDropped(id: string): boolean {
    return this.#dropped.has(id);
  }

  /** `second` is the event's arrival. */
  apply(event: InstrumentationEvent, second: number): LifeChange {
    switch (event.kind) {
      case 'instrumentation-created':
        return this.#create(event.instrumentation);
      case 'instrumentation-changed': {
        const { id, keepSeconds, keepLevels, idleSeconds } = event;
        return this.#update(id, (life) => {
          const { keepLevels: _, ...rest } = life.instrumentation;
          const kept = keepLevels === undefined ? {} : { keepLevels };
          return { ...life, instrumentation: { ...rest, keepSeconds, ...kept, idleSeconds } };
        });
      }
      case 'instrumentation-paused':
        return this.#update(event.id, (life) => {
          const pausedSecond = life.instrumentation.pausedSecond ?? second;
          return { ...life, instrumentation: { ...life.instrumentation, pausedSecond } };
        });
      case 'instrumentation-resumed':
        return this.#update(event.id, (life) => {
          const { pausedSecond: _, ...instrumentation } = life.instrumentation;
          return { ...life, instrumentation };
        });
      case 'instrumentation-expired':
        return this.#expire(event.id, second);
      case 'instrumentation-dropped':
        return this.#drop(event.id);
      default:
        return unreachable(event);
    }
  }

  /** Forgets expired ones whose history is past all retention and not pinned; returns their names. */
  forgetExpired(nowSecond: number): readonly string[] {
    const over = this.all().filter(
      ({ instrumentation, expiredSecond }) =>
        expiredSecond !== undefined &&
        expiredSecond + keepSecondsMax(instrumentation) < nowSecond &&
        !this.#isPinned(instrumentation.id),
    );
    for (const { instrumentation } of over) this.#lives.delete(instrumentation.id);
    return over.map((life) => life.instrumentation.id);
  }

  state(): LivesState {
    return { lives: [...this.all()], dropped: [...this.#dropped] };
  }

  #create(instrumentation: Instrumentation): LifeChange {
    const { id } = instrumentation;
    const before = this.#lives.get(id);
    const fault = instrumentationFault(instrumentation);
    if (fault !== undefined) return { gone: [], refused: fault };
    const alive = before !== undefined && before.expiredSecond === undefined;
    if (!alive && this.living().length >= INSTRUMENTATIONS_MAX) {
      return { gone: [], refused: `${INSTRUMENTATIONS_MAX} instrumentations live already` };
    }
    const life = { instrumentation };
    const continues =
      before !== undefined && measuresText(before.instrumentation) === measuresText(instrumentation);
    if (!continues) this.#lives.delete(id);
    this.#lives.set(id, life);
    this.#dropped.delete(id);
    return { life, gone: before === undefined || continues ? [] : [id] };
  }

  #update(id: string, to: (life: Life) => Life): LifeChange {
    const before = this.#lives.get(id);
    if (before === undefined) return { gone: [], refused: `no instrumentation "${id}" is known` };
    const life = to(before);
    this.#lives.set(id, life);
    return { life, gone: [] };
  }

  #expire(id: string, second: number): LifeChange {
    const change = this.#update(id, (life) =>
      life.expiredSecond === undefined ? { ...life, expiredSecond: second } : life,
    );
    const expired = this.all().filter(
      (life) => life.expiredSecond !== undefined && !this.#isPinned(life.instrumentation.id),
    );
    if (expired.length <= EXPIRED_MAX) return change;
    const first = expired.reduce((a, b) => (b.expiredSecond! < a.expiredSecond! ? b : a)).instrumentation.id;
    this.#lives.delete(first);
    return { ...change, gone: [first] };
  }

  #drop(id: string): LifeChange {
    if (!this.#lives.delete(id)) return { gone: [], refused: `no instrumentation "${id}" is known` };
    this.#dropped.add(id);
    const [oldest] = this.#dropped;
    if (this.#dropped.size > DROPPED_MAX && oldest !== undefined) this.#dropped.delete(oldest);
    return { gone: [id] };
  }
}

function instrumentationFault({ id, by, grid }: Instrumentation): string | undefined {
  if (!INSTRUMENTATION_ID.test(id)) return `${JSON.stringify(id)} is no name of an instrumentation`;
  if (by.length > DISCRETE_FIELDS_MAX)
    return `"${id}" has ${by.length} fields, expected at most ${DISCRETE_FIELDS_MAX}`;
  if (grid.kind === 'linear' && !Number.isSafeInteger(grid.width * bucketCount(grid))) {
    return `"${id}" counts in buckets of ${grid.width}, which is too wide`;
  }
  return undefined;
}
