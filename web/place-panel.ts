/** Pointing at the picture: a click asks who made the cell, a drag what differs inside the box. The answer stands in a
 *  panel below the legend until it is closed. Owns the gesture and the panel; what is asked is place.ts's. */
import { askNumbers, type Look } from './client.ts';
import { button, make } from './dom.ts';
import type { Picture } from './picture.ts';
import { boxStatement, cellStatement, type Spot } from './place.ts';
import { showTable } from './table.ts';

/** CSS pixels that a click may wander. */
const CLICK_SLACK = 4;

export interface PlaceActions {
  /** The statement whose picture is on the screen; undefined where there is none. */
  readonly statement: () => string | undefined;
  readonly look: () => Look;
  /** Puts a statement on the page in place of the picture's. */
  readonly open: (text: string) => void;
}

export class PlacePanel {
  readonly #panel: HTMLElement;
  readonly #picture: Picture;
  readonly #actions: PlaceActions;
  readonly #box = make('div', 'box');
  #asked: AbortController | undefined;

  constructor(panel: HTMLElement, picture: Picture, actions: PlaceActions) {
    this.#panel = panel;
    this.#picture = picture;
    this.#actions = actions;
    picture.element.addEventListener('pointerdown', (event) => this.#begin(event));
  }

  close(): void {
    this.#asked?.abort();
    this.#panel.hidden = true;
    this.#panel.replaceChildren();
  }

  #begin(down: PointerEvent): void {
    const first = this.#picture.spot(down);
    const text = this.#actions.statement();
    if (down.button !== 0 || first === undefined || text === undefined) return;
    down.preventDefault();
    const { element } = this.#picture;
    element.setPointerCapture(down.pointerId);
    const gesture = new AbortController();
    const { signal } = gesture;
    const isClick = (event: PointerEvent): boolean =>
      Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) <= CLICK_SLACK;
    element.addEventListener('pointermove', (move) => this.#draw(down, move, !isClick(move)), { signal });
    const end = (): void => {
      gesture.abort();
      this.#box.remove();
    };
    element.addEventListener('pointercancel', end, { signal });
    element.addEventListener(
      'pointerup',
      (up) => {
        end();
        this.#ask(text, first, isClick(up) ? undefined : this.#picture.spot(up));
      },
      { signal },
    );
  }

  #draw(down: PointerEvent, move: PointerEvent, isBox: boolean): void {
    if (!isBox) return this.#box.remove();
    const { left, top } = this.#picture.element.getBoundingClientRect();
    const style = this.#box.style;
    style.setProperty('left', `${Math.min(down.clientX, move.clientX) - left}px`);
    style.setProperty('top', `${Math.min(down.clientY, move.clientY) - top}px`);
    style.setProperty('width', `${Math.abs(move.clientX - down.clientX)}px`);
    style.setProperty('height', `${Math.abs(move.clientY - down.clientY)}px`);
    if (!this.#box.isConnected) this.#picture.element.append(this.#box);
  }

  #ask(text: string, first: Spot, second: Spot | undefined): void {
    const statement = second === undefined ? cellStatement(text, first) : boxStatement(text, first, second);
    if (statement !== undefined) void this.#show(statement);
  }

  async #show(statement: string): Promise<void> {
    this.#asked?.abort();
    const asked = new AbortController();
    this.#asked = asked;
    try {
      const reply = await askNumbers(statement, this.#actions.look(), undefined, asked.signal);
      if (asked.signal.aborted) return;
      const body = make('div', 'answer');
      let said = 'The server is away';
      if (reply.kind === 'problem') said = `${reply.problem.title}: ${reply.problem.detail}`;
      else if (reply.kind === 'fresh' && reply.body?.kind === 'table') {
        said = reply.body.caption ?? '';
        showTable(body, reply.body);
      }
      this.#panel.replaceChildren(this.#head(statement, said), body);
      this.#panel.hidden = false;
    } catch (error) {
      if (!asked.signal.aborted) throw error;
    }
  }

  #head(statement: string, said: string): HTMLElement {
    const open = button('', 'open', () => {
      this.close();
      this.#actions.open(statement);
    });
    open.title = statement;
    return make(
      'div',
      'head',
      make('p', '', said),
      open,
      button('', 'close', () => this.close()),
    );
  }
}
