/** The legend as chips: colour, key and exact count. A chip keeps its place while its statement runs, so that
 *  nothing moves under a finger. */
import type { HeatmapAnswer, Hue } from './answer.ts';
import { calledText } from './names.ts';
import { button, countText, make, setText } from './dom.ts';

/** What stands for the values that are no longer told apart. It cannot be asked for. */
const REMAINDER = '(other)';

export interface LegendActions {
  readonly isolate: (key: readonly string[]) => void;
  readonly exclude: (key: readonly string[]) => void;
  readonly showAll: () => void;
}

interface Chip {
  readonly element: HTMLElement;
  readonly count: HTMLElement;
  readonly name: HTMLElement;
  readonly key: readonly string[] | null;
  /** Characters of its widest count so far: a shorter one leaves the chip as wide. */
  width: number;
}

export class Legend {
  readonly #list: HTMLElement;
  readonly #actions: LegendActions;
  readonly #chips = new Map<string, Chip>();
  readonly #all: HTMLElement;

  constructor(list: HTMLElement, actions: LegendActions) {
    this.#list = list;
    this.#actions = actions;
    this.#all = make(
      'li',
      '',
      button('chip all', 'show all', () => actions.showAll()),
    );
  }

  show({ hues, hueFields }: HeatmapAnswer, isFiltered: boolean): void {
    const seen = new Set<string>();
    for (const hue of hues) {
      const id = JSON.stringify(hue.key);
      seen.add(id);
      let chip = this.#chips.get(id);
      if (chip === undefined) {
        chip = this.#newChip(hue, hueFields);
        this.#chips.set(id, chip);
      }
      chip.element.style.setProperty('--hue', hue.color);
      setText(chip.name, labelOf(hue, hueFields));
      setText(chip.count, countText(hue.count));
      chip.width = Math.max(chip.width, chip.count.textContent.length);
      chip.count.style.setProperty('min-width', `${chip.width}ch`);
    }
    for (const id of this.#chips.keys()) if (!seen.has(id)) this.#chips.delete(id);
    const elements = [...this.#chips.values()]
      .toSorted((a, b) => Number(a.key === null) - Number(b.key === null))
      .map((chip) => chip.element);
    if (isFiltered) elements.unshift(this.#all);
    if (!sameChildren(this.#list, elements)) this.#list.replaceChildren(...elements);
  }

  clear(): void {
    this.#chips.clear();
    this.#list.replaceChildren();
  }

  /** The nth chip with a key, from 0. */
  key(index: number): readonly string[] | undefined {
    return [...this.#chips.values()].map((chip) => chip.key).filter((key) => key !== null)[index];
  }

  #newChip(hue: Hue, hueFields: readonly string[]): Chip {
    const { key } = hue;
    const count = make('span', 'count');
    const name = make('span', 'key', labelOf(hue, hueFields));
    const parts = [make('span', 'swatch'), name, count];
    if (key === null || key.every((part) => part === REMAINDER))
      return { key, name, count, width: 0, element: make('li', '', make('span', 'chip', ...parts)) };
    const chip = button('chip', '', (event) => {
      const act = event.altKey || event.shiftKey ? this.#actions.exclude : this.#actions.isolate;
      act(key);
    });
    chip.append(...parts);
    chip.title = `${hueFields.join(', ')}: click to see only this, shift-click to leave it out`;
    return { key, name, count, width: 0, element: make('li', '', chip) };
  }
}

/** A name may come after the key: it is read anew with each answer. */
function labelOf({ key, names }: Hue, hueFields: readonly string[]): string {
  const parts = key?.map((part, i) => calledText(part === '' ? '""' : part, names[i]));
  return parts?.join(' · ') ?? (hueFields.length === 0 ? 'all' : 'other');
}

function sameChildren(parent: HTMLElement, children: readonly HTMLElement[]): boolean {
  return (
    parent.children.length === children.length && children.every((child, i) => parent.children[i] === child)
  );
}
