/** What a pin may be: pure rules over what lives and what is pinned. Throws the problem that a client gets. */
import { INSTRUMENTATION_ID, type Instrumentation } from '../model/instrumentation.ts';
import { type Pin, PINS_MAX } from '../model/pin.ts';
import { isKept } from '../query/kept.ts';
import { instantText } from '../query/moment.ts';
import { secondsText } from '../query/unit.ts';
import { ProblemException } from './problem.ts';

/** A pin to be; without a name it gets one of its instrumentation. */
export type PinDraft = Omit<Pin, 'id' | 'createdSecond'> & { readonly id?: string };

export function samePin(a: Omit<Pin, 'id' | 'createdSecond'>, b: Omit<Pin, 'id' | 'createdSecond'>): boolean {
  return (
    a.instrumentation === b.instrumentation &&
    a.fromSecond === b.fromSecond &&
    a.untilSecond === b.untilSecond
  );
}

export function pinUnknown(id: string): ProblemException {
  return new ProblemException({
    status: 404,
    code: 'PIN_UNKNOWN',
    title: 'No such pin',
    detail: `Cannot find pin ${JSON.stringify(id)}: there is none of this name`,
  });
}

/** A pin keeps what is there and what comes: of a range that is gone already there is nothing to keep. */
export function refuseGone(
  { fromSecond, untilSecond }: PinDraft,
  instrumentation: Instrumentation,
  pins: readonly Pin[],
  nowSecond: number,
): void {
  const { id, keepSeconds } = instrumentation;
  const isPart = untilSecond > nowSecond - keepSeconds;
  if (isPart || isKept({ instrumentation, pins, nowSecond }, { fromSecond, untilSecond }, 1)) return;
  throw new ProblemException({
    status: 422,
    code: 'NOT_KEPT',
    title: 'No longer kept',
    detail: `Cannot pin ${id} from ${instantText(fromSecond)} to ${instantText(untilSecond)}: its whole seconds are kept for ${secondsText(keepSeconds)}, so these are gone`,
  });
}

export function refuseUnfitPin(pin: PinDraft & { readonly id: string }, taken: readonly Pin[]): void {
  const { id } = pin;
  if (!INSTRUMENTATION_ID.test(id)) {
    throw new ProblemException({
      status: 422,
      code: 'NAME_INVALID',
      title: 'The name does not fit',
      detail: `Cannot name a pin ${JSON.stringify(id)}: expected a letter, then up to 63 letters, digits, "_" or "-"`,
    });
  }
  const known = taken.find((p) => p.id === id);
  const widens =
    known !== undefined &&
    known.instrumentation === pin.instrumentation &&
    pin.fromSecond <= known.fromSecond &&
    pin.untilSecond >= known.untilSecond;
  if (known !== undefined && !widens) {
    const held = `${known.instrumentation} from ${instantText(known.fromSecond)} to ${instantText(known.untilSecond)}`;
    throw new ProblemException({
      status: 409,
      code: 'NAME_TAKEN',
      title: 'The name is taken',
      detail: `Cannot pin as "${id}": the pin of this name keeps ${held}, which this one would not; choose another name, or "unpin ${id}" first`,
    });
  }
  if (known === undefined && taken.length >= PINS_MAX) {
    throw new ProblemException({
      status: 422,
      code: 'TOO_MANY_PINS',
      title: 'Too many pins',
      detail: `Cannot pin as "${id}": there are ${taken.length} pins, at most ${PINS_MAX} may be`,
    });
  }
}
