/** Pins folded from their events: which ranges are kept for ever. Owns: the rules of pinning. Does not: keep or
 *  delete anything; the fold decides what a pin still found (head.ts). The fold and the catalogue both go by it,
 *  so they agree.
 *  - a pin of a known name replaces that one; one of an unknown instrumentation, an odd name or range is refused,
 *    and so is one too many.
 *  - the pins of an instrumentation go with its history. */
import type { ControlEvent } from '../model/control.ts';
import { INSTRUMENTATION_ID } from '../model/instrumentation.ts';
import { type Pin, PINS_MAX } from '../model/pin.ts';

export type PinEvent = Extract<ControlEvent, { kind: 'range-pinned' | 'range-unpinned' }>;

export class Pins {
  /** In the order in which they were made. */
  readonly #pins = new Map<string, Pin>();

  constructor(pins: readonly Pin[] = []) {
    for (const pin of pins) this.#pins.set(pin.id, pin);
  }

  /** Returns why the event was not taken; undefined where it was. */
  apply(event: PinEvent, isKnown: (instrumentation: string) => boolean): string | undefined {
    if (event.kind === 'range-unpinned') {
      return this.#pins.delete(event.id) ? undefined : `no pin "${event.id}" is known`;
    }
    const fault = this.#fault(event.pin, isKnown);
    if (fault === undefined) this.#pins.set(event.pin.id, event.pin);
    return fault;
  }

  /** Their history went. */
  forget(instrumentations: readonly string[]): void {
    for (const { id, instrumentation } of this.all()) {
      if (instrumentations.includes(instrumentation)) this.#pins.delete(id);
    }
  }

  get(id: string): Pin | undefined {
    return this.#pins.get(id);
  }

  all(): readonly Pin[] {
    return [...this.#pins.values()];
  }

  of(instrumentation: string): readonly Pin[] {
    return this.all().filter((pin) => pin.instrumentation === instrumentation);
  }

  state(): Pin[] {
    return [...this.#pins.values()];
  }

  #fault(
    { id, instrumentation, fromSecond, untilSecond }: Pin,
    isKnown: (instrumentation: string) => boolean,
  ): string | undefined {
    if (!INSTRUMENTATION_ID.test(id)) return `${JSON.stringify(id)} is no name of a pin`;
    if (!isKnown(instrumentation)) return `no instrumentation "${instrumentation}" is known`;
    if (fromSecond >= untilSecond) return `"${id}" ends at ${untilSecond}, which is not after ${fromSecond}`;
    if (!this.#pins.has(id) && this.#pins.size >= PINS_MAX) return `${PINS_MAX} pins are kept already`;
    return undefined;
  }
}
