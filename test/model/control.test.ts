/** Control events: round trip, and what is none is refused with the place. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ControlEventError, decodeControl, encodeControl } from '../../src/model/control.ts';
import { compilePredicate } from '../../src/model/predicate.ts';
import { arbitraryControlEvent, arbitraryInstrumentation } from '../arbitrary/control.ts';

it('round trip', () => {
  fc.assert(
    fc.property(arbitraryControlEvent, (event) => {
      expect(decodeControl(encodeControl(event))).toEqual(event);
    }),
  );
});

it('any JSON is an event or a ControlEventError', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      expect(() => decodeControl(text)).toThrow(ControlEventError);
    }),
  );
});

it('an event with any one member gone or changed in type is refused, and never half taken', () => {
  const optional = new Set(['where', 'numeric', 'amount', 'keepLevels']);
  const broken = fc.tuple(arbitraryControlEvent, fc.nat(), fc.boolean()).map(([event, pick, remove]) => {
    const copy = structuredClone(event) as unknown as Record<string, unknown>;
    const inner = (copy['instrumentation'] ?? copy['pin']) as Record<string, unknown> | undefined;
    const target = inner !== undefined && pick % 2 === 0 ? inner : copy;
    const names = Object.keys(target).filter((name) => !optional.has(name));
    const name = names[pick % names.length]!;
    if (remove) delete target[name];
    else target[name] = { odd: true };
    return copy;
  });
  fc.assert(
    fc.property(broken, (event) => {
      expect(() => decodeControl(JSON.stringify(event))).toThrow(ControlEventError);
    }),
  );
});

describe('a refusal names the place', () => {
  const [sample] = fc.sample(arbitraryInstrumentation, { seed: 1, numRuns: 1 });
  const created = (change: object): string =>
    JSON.stringify({ kind: 'instrumentation-created', instrumentation: { ...sample, ...change } });
  const deep = '{"op":"not","term":'.repeat(5000) + '{"op":"eq","field":"a","value":1}' + '}'.repeat(5000);

  it.each<[string, string, RegExp]>([
    ['no JSON', '{', /it is no JSON/],
    ['no object', '7', /kind is undefined, expected one of instrumentation-created/],
    ['an unknown kind', '{"kind":"toString"}', /kind is "toString", expected one of/],
    ['a number too small', created({ keepSeconds: 0 }), /created\/instrumentation\/keepSeconds must be >= 1/],
    [
      'an unknown operator',
      created({ where: { op: 'like', field: 'a', value: 'b' } }),
      /instrumentation\/where/,
    ],
    [
      'a pattern that RE2 refuses',
      created({ where: { op: 'match', field: 'a', value: '(' } }),
      /instrumentation\/where/,
    ],
    [
      'a predicate too deep',
      created({ where: 0 }).replace('"where":0', `"where":${deep}`),
      /instrumentation\/where/,
    ],
    ['a level that is none', created({ keepLevels: [{ level: 7, keepSeconds: 1 }] }), /keepLevels\/0\/level/],
    ['too many fields', created({ by: Array.from('abcdefghi') }), /instrumentation\/by/],
  ])('%s', (_what, text, message) => {
    expect(() => decodeControl(text)).toThrow(ControlEventError);
    expect(() => decodeControl(text)).toThrow(message);
  });
});

it('the predicate of a decoded event compiles', () => {
  fc.assert(
    fc.property(arbitraryInstrumentation, (instrumentation) => {
      const event = decodeControl(encodeControl({ kind: 'instrumentation-created', instrumentation }));
      if (event.kind === 'instrumentation-created') compilePredicate(event.instrumentation.where);
    }),
  );
});
