/** What TAILGLOW_FLIGHT says: `off`; or a time, a size, or both (`300s`, `2m,16MiB`), and then everything that the
 *  program offers is recorded all the time. Where it says nothing, what is measured is recorded while it is.
 *  What cannot be read counts as said nothing: a program is not ended, or talked into, for that. */

export interface FlightSettings {
  readonly keepSeconds: number;
  readonly bytesMax: number;
  /** Also what nobody asks for. */
  readonly always: boolean;
}

export const FLIGHT_DEFAULT: FlightSettings = { keepSeconds: 60, bytesMax: 8 * 1024 * 1024, always: false };
const KEEP_SECONDS_MAX = 3600;
const BYTES_MIN = 256 * 1024;
const BYTES_MAX = 1024 * 1024 * 1024;
const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60 };
const BYTES: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Undefined: off. */
export function flightSettings(text: string | undefined): FlightSettings | undefined {
  if (text === 'off') return undefined;
  let { keepSeconds, bytesMax } = FLIGHT_DEFAULT;
  for (const part of (text ?? '').split(',')) {
    const [, digits, unit] = /^\s*(\d{1,9})\s*([a-zA-Z]*)\s*$/.exec(part) ?? [];
    if (digits === undefined || unit === undefined) return FLIGHT_DEFAULT;
    if (Object.hasOwn(SECONDS, unit)) keepSeconds = Number(digits) * SECONDS[unit]!;
    else if (Object.hasOwn(BYTES, unit)) bytesMax = Number(digits) * BYTES[unit]!;
    else return FLIGHT_DEFAULT;
  }
  return {
    keepSeconds: Math.min(Math.max(keepSeconds, 1), KEEP_SECONDS_MAX),
    bytesMax: Math.min(Math.max(bytesMax, BYTES_MIN), BYTES_MAX),
    always: true,
  };
}
