/** Cells that slide are those of a picture that is made anew each time, whoever asks for them in between. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { emptyCells, type MixedCells, SlidingCells } from '../../src/query/sliding-cells.ts';

const HUES = 2;
const ROWS = 2;
const COLUMNS = 90;

/** What a column shows is made from its number, which is told by no other. */
function columnsOf(numbers: readonly number[]): MixedCells {
  const drawn = emptyCells({ hues: HUES, columns: numbers.length, rows: ROWS });
  numbers.forEach((number, column) => {
    drawn.under[column] = number;
    drawn.over[column] = -number;
    for (let row = 0; row < ROWS; row++) {
      const place = column * ROWS + row;
      drawn.mix.sums[place] = number * 10 + row;
      drawn.mix.strongest[place] = number + row;
      for (let hue = 0; hue < HUES; hue++) {
        drawn.cells[(hue * numbers.length + column) * ROWS + row] = number * 100 + hue * 10 + row;
      }
    }
  });
  return drawn;
}

function membersOf({ cells, under, over, mix }: MixedCells): unknown {
  return [[...cells], [...under], [...over], [...mix.sums], [...mix.strongest]];
}

/** Slides, then sets what is free and some more: as pictures that move on do. */
const step = fc.record({
  by: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 3 }) }, fc.integer({ min: -100, max: 100 })),
  anew: fc.array(fc.record({ first: fc.nat(COLUMNS - 1), length: fc.integer({ min: 1, max: 40 }) }), {
    maxLength: 2,
  }),
  isRead: fc.boolean(),
});

test('are those of a picture made anew', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let next = 0;
      let numbers = Array.from({ length: COLUMNS }, () => next++);
      const cells = new SlidingCells({ hues: HUES, columns: COLUMNS, rows: ROWS }, columnsOf(numbers));
      const bytesMax = cells.bytesMax;
      const set = (first: number, until: number): void => {
        const drawn = Array.from({ length: Math.max(0, until - first) }, () => next++);
        if (drawn.length === 0) return;
        numbers.splice(first, drawn.length, ...drawn);
        cells.set({ first, drawn: columnsOf(drawn) });
      };
      for (const { by, anew, isRead } of steps) {
        cells.slide(by, () => columnsOf(numbers).cells);
        const moved = Math.max(-COLUMNS, Math.min(COLUMNS, by));
        const free = Array.from({ length: Math.abs(moved) }, () => -1);
        numbers = moved >= 0 ? [...numbers.slice(moved), ...free] : [...free, ...numbers.slice(0, moved)];
        if (moved >= 0) set(COLUMNS - moved, COLUMNS);
        else set(0, -moved);
        for (const { first, length } of anew) set(first, Math.min(COLUMNS, first + length));
        const expected = columnsOf(numbers);
        expect([...cells.mix.sums]).toEqual([...expected.mix.sums]);
        if (isRead) expect(membersOf(cells)).toEqual(membersOf(expected));
        // The last question is asked below.
        cells.answered();
      }
      cells.slide(0, () => columnsOf(numbers).cells);
      expect(membersOf(cells)).toEqual(membersOf(columnsOf(numbers)));
      expect(cells.bytesMax).toBe(bytesMax);
    }),
    { numRuns: 60 },
  );
});

test('let go of what they are drawn from, and say so where they are asked for all the same', () => {
  const cells = new SlidingCells({ hues: HUES, columns: 2, rows: ROWS }, columnsOf([1, 2]));
  cells.answered();
  expect(() => cells.cells).toThrow('while their question is answered');
  cells.slide(1, () => columnsOf([2, 3]).cells);
  cells.set({ first: 1, drawn: columnsOf([3]) });
  expect(membersOf(cells)).toEqual(membersOf(columnsOf([2, 3])));
});
