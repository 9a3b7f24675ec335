/** A pin: a range of one instrumentation that keeps its seconds for ever, whatever retention or the space that is
 *  left say. Created and removed by control events. */
export interface Pin {
  /** Its name: unique among pins; as INSTRUMENTATION_ID. */
  readonly id: string;
  readonly instrumentation: string;
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly createdSecond: number;
}

/** Pins at a time: each is looked at whenever something is deleted. */
export const PINS_MAX = 1000;
