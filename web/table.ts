/** An answer that is no picture, as a table. Keeps the place where it was scrolled to. */
import type { TableAnswer } from './answer.ts';
import { countText, make } from './dom.ts';

export function showTable(place: HTMLElement, { columns, rows, rowsLeft }: TableAnswer): void {
  const head = columns.map(({ name, numeric }) => {
    const cell = make('th', numeric ? 'number' : '', name);
    cell.scope = 'col';
    return cell;
  });
  const body = rows.map((row) =>
    make('tr', '', ...row.map((value, i) => make('td', columns[i]?.numeric === true ? 'number' : '', value))),
  );
  const table = make('table', '', make('thead', '', make('tr', '', ...head)), make('tbody', '', ...body));
  const { scrollTop, scrollLeft } = place;
  const left = rowsLeft > 0 ? [make('p', 'left', `${countText(rowsLeft)} more rows`)] : [];
  place.replaceChildren(table, ...left);
  place.scrollTo(scrollLeft, scrollTop);
}
