/** Points in time: reading what a person writes (RFC 3339, time of day, Unix seconds), printing it back, and
 *  resolving it against a reference time. UTC; whole seconds, a fraction is cut. No clock: `now` comes in. */
import type { Moment } from './ast.ts';
import { durationSeconds } from './unit.ts';

/** 9999-12-31T23:59:59Z: RFC 3339 has no later one. */
export const SECOND_MAX = 253_402_300_799;
/** A Unix number this large is milliseconds: as seconds it lies beyond the year 5138. */
const MILLISECONDS_FROM = 1e11;
export const DAY_SECONDS = 86_400;

export type Read<T> = { readonly value: T } | { readonly fault: string; readonly suggestion?: string };

const INSTANT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})?)?$/;
const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?([Zz]|[+-]\d{1,2}:?\d{2})?$/;

/** Unix second of an RFC 3339 text, seconds optional; a date alone is its midnight. */
export function readInstant(text: string): Read<number> {
  const match = INSTANT.exec(text);
  if (match === null) return { fault: 'expected a time such as 2026-11-22T03:00Z' };
  const [, year, month, day, hour = '00', minute = '00', second = '00', zone] = match;
  if (match[4] !== undefined && zone === undefined) {
    return { fault: 'expected a zone, Z for UTC', suggestion: `${text}Z` };
  }
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const inMonth = !Number.isNaN(ms) && new Date(ms).getUTCDate() === Number(day) && hour !== '24';
  const unix = ms / 1000 - zoneSeconds(zone);
  if (!inMonth || unix < 0 || unix > SECOND_MAX)
    return { fault: 'expected a time that exists, from 1970 on' };
  return { value: unix };
}

function zoneSeconds(zone: string | undefined): number {
  if (zone === undefined || zone.length === 1) return 0;
  const seconds = Number(zone.slice(1, 3)) * 3600 + Number(zone.slice(4)) * 60;
  return zone.startsWith('-') ? -seconds : seconds;
}

/** Second of the day, of `HH:MM[:SS]Z`. */
export function readClock(text: string): Read<number> {
  const match = CLOCK.exec(text);
  if (match === null) return { fault: 'expected a time of day such as 03:12Z' };
  const [hour, minute, second] = [match[1], match[2], match[3] ?? '0'].map(Number) as [
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 59)
    return { fault: 'expected a time of day within 00:00Z..23:59:59Z' };
  const zone = match[4];
  if (zone === undefined) return { fault: 'expected a zone, Z for UTC', suggestion: `${text}Z` };
  if (zone.length > 1) return { fault: 'expected a time of day in UTC, ending in Z' };
  return { value: hour * 3600 + minute * 60 + second };
}

/** Unix seconds or milliseconds. */
export function readUnix(value: number): Read<number> {
  const seconds = value >= MILLISECONDS_FROM ? Math.floor(value / 1000) : value;
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > SECOND_MAX) {
    return { fault: 'expected Unix seconds, a whole number' };
  }
  return { value: seconds };
}

export function instantText(second: number): string {
  return new Date(second * 1000).toISOString().replace('.000Z', 'Z');
}

export function clockText(secondOfDay: number): string {
  const text = instantText(secondOfDay).slice(11);
  return text.endsWith(':00Z') ? `${text.slice(0, 5)}Z` : text;
}

/** The Unix second that a moment means. A time of day is the latest one at or before `now`; with `after`, the
 *  first one after it: `from 23:50Z to 00:10Z` crosses midnight. */
export function resolveMoment(moment: Moment, nowSecond: number, after?: number): number {
  switch (moment.kind) {
    case 'instant':
      return moment.second;
    case 'now':
      return nowSecond - (moment.back === undefined ? 0 : wholeSeconds(moment.back.value, moment.back.unit));
    case 'clock': {
      const near = after ?? nowSecond;
      const today = near - (near % DAY_SECONDS) + moment.secondOfDay;
      if (after !== undefined) return today > after ? today : today + DAY_SECONDS;
      return today <= nowSecond ? today : today - DAY_SECONDS;
    }
  }
}

/** Seconds of a duration that the checker has passed. */
export function wholeSeconds(value: number, unit: string): number {
  return Math.round(durationSeconds(value, unit) ?? 0);
}
