/** An answer names the values that it looked for in vain and that nobody has seen, and no others. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REMAINDER } from '../../src/model/key.ts';
import type { Event } from './memory-series.ts';
import { arbitraryEvents, ask, START } from './places.ts';

const RANGE = `from ${new Date(START * 1000).toISOString()} to ${new Date((START + 60) * 1000).toISOString()} step 1s`;
const heatmap = (by: string, options: string): string =>
  `http.requests by ${by}, latency ${RANGE} | heatmap ${options}`;
const count = (where: string, by = ''): string => `http.requests where ${where} ${by} ${RANGE} | count`;

/** Ways to look for a route. */
const WAYS: readonly ((route: string) => ['heatmap' | 'lines' | 'diff', string])[] = [
  (route) => ['heatmap', heatmap('route', `isolate "${route}"`)],
  (route) => ['heatmap', heatmap('route', `exclude "${route}"`)],
  (route) => ['heatmap', heatmap('route', `select "${route}"`)],
  (route) => ['lines', count(`route == "${route}"`)],
  (route) => ['lines', count(`route == "${route}"`, 'by route')],
  (route) => [
    'lines',
    count(`status == 200 and (host == "web1" or route in ("${route}", "/a"))`, 'by route'),
  ],
  (route) => ['diff', `http.requests by latency ${RANGE} | diff route "${route}", "/c"`],
];

function notesOf(kind: 'heatmap' | 'lines' | 'diff', text: string, events: readonly Event[]): string[] {
  return ask(kind, text, events).notes.filter((note) => note.includes('was seen lately'));
}

function event(route: string): Event {
  return {
    second: START + 3,
    count: 1,
    fields: new Map(Object.entries({ route, host: 'web1', status: '200', latency: 1e6 })),
  };
}

describe('values that nobody has seen', () => {
  it('are named wherever they are looked for, and those that were seen are not', () => {
    fc.assert(
      fc.property(
        arbitraryEvents,
        fc.constantFrom(...WAYS),
        fc.constantFrom('/a', '/b', '/z'),
        (events, way, route) => {
          const seen = new Set(events.map(({ fields }) => fields.get('route')));
          seen.delete(REMAINDER);
          const notes = notesOf(...way(route), events);
          expect(notes.some((note) => note.startsWith(`no route "${route}" was seen lately: `))).toBe(
            seen.size > 0 && !seen.has(route),
          );
          for (const note of notes) {
            const [, field, value] = /^no (\w+) "(.*?)" was/.exec(note)!;
            expect(events.some(({ fields }) => fields.get(field!) === value)).toBe(false);
          }
        },
      ),
    );
  });

  it('come with the one that was meant, or with those that there are', () => {
    const events = ['/checkout', '/search', '/a', '/b', '/c', '/d'].map(event);
    const [isolate] = WAYS;
    expect(notesOf(...isolate!('/chekout'), events)).toEqual([
      'no route "/chekout" was seen lately: did you mean "/checkout"',
    ]);
    expect(notesOf(...isolate!('/help/me'), events)).toEqual([
      'no route "/help/me" was seen lately: found "/a", "/b", "/c", "/checkout", "/d" or 1 more',
    ]);
  });

  it('are not said of what a statement leaves out, nor of a field that is not stored', () => {
    const events = ['/checkout'].map(event);
    expect(notesOf('lines', count('route != "/z"'), events)).toEqual([]);
    expect(notesOf('lines', count('not route == "/z"'), events)).toEqual([]);
  });

  it('are at most five', () => {
    const names = Array.from({ length: 9 }, (_, i) => `"/help/${i}"`).join(', ');
    expect(notesOf('lines', count(`route in (${names})`), [event('/a')])).toHaveLength(5);
  });
});
