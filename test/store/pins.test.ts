/** The rules of pinning, which fold and catalogue share. */
import { describe, expect, it } from 'vitest';
import { type Pin, PINS_MAX } from '../../src/model/pin.ts';
import { Pins } from '../../src/store/pins.ts';

const pin = (id: string, more: Partial<Pin> = {}): Pin => ({
  id,
  instrumentation: 'requests',
  fromSecond: 100,
  untilSecond: 200,
  createdSecond: 300,
  ...more,
});
const known = (instrumentation: string): boolean => instrumentation === 'requests';
const add = (pins: Pins, ...args: Parameters<typeof pin>): string | undefined =>
  pins.apply({ kind: 'range-pinned', pin: pin(...args) }, known);

describe('pins', () => {
  it('are kept by name, the newest of a name holds', () => {
    const pins = new Pins();
    add(pins, 'a');
    add(pins, 'b');
    add(pins, 'a', { untilSecond: 300 });
    expect(pins.all()).toEqual([pin('a', { untilSecond: 300 }), pin('b')]);
    expect(pins.of('requests')).toHaveLength(2);
    expect(pins.of('other')).toEqual([]);
    expect(pins.apply({ kind: 'range-unpinned', id: 'a' }, known)).toBeUndefined();
    expect(new Pins(pins.state()).all()).toEqual([pin('b')]);
  });

  it('are refused, with the reason', () => {
    const pins = new Pins();
    expect(add(pins, '7')).toBe('"7" is no name of a pin');
    expect(add(pins, 'a', { instrumentation: 'nobody' })).toBe('no instrumentation "nobody" is known');
    expect(add(pins, 'a', { untilSecond: 100 })).toBe('"a" ends at 100, which is not after 100');
    expect(pins.apply({ kind: 'range-unpinned', id: 'a' }, known)).toBe('no pin "a" is known');
    expect(pins.all()).toEqual([]);
  });

  it('are bounded, but one of a known name is still replaced', () => {
    const pins = new Pins(Array.from({ length: PINS_MAX }, (_, i) => pin(`p${i}`)));
    expect(add(pins, 'more')).toBe(`${PINS_MAX} pins are kept already`);
    expect(add(pins, 'p7', { fromSecond: 1 })).toBeUndefined();
    expect(pins.get('p7')).toEqual(pin('p7', { fromSecond: 1 }));
  });

  it('go with the history of their instrumentation', () => {
    const pins = new Pins([pin('a'), pin('b', { instrumentation: 'other' })]);
    pins.forget(['requests', 'nobody']);
    expect(pins.all()).toEqual([pin('b', { instrumentation: 'other' })]);
  });
});
