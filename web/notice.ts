/** What stands in the frame when the picture cannot: why, and what helps. */
import { button, byId, make } from './dom.ts';

export interface Notice {
  readonly title: string;
  readonly detail: string;
  /** A statement that would help, with what running it does. */
  readonly offer?: { readonly statement: string; readonly accept: () => void } | undefined;
}

let shown = '';

export function showNotice(notice: Notice): void {
  const text = JSON.stringify([notice.title, notice.detail, notice.offer?.statement]);
  if (text === shown) return;
  shown = text;
  const place = byId('notice', HTMLElement);
  const { title, detail, offer } = notice;
  place.replaceChildren(make('h2', '', title), ...(detail === '' ? [] : [make('p', '', detail)]));
  if (offer !== undefined) {
    place.append(make('code', '', offer.statement), button('offer', 'Measure this', offer.accept));
  }
  place.hidden = false;
}

export function hideNotice(): void {
  shown = '';
  byId('notice', HTMLElement).hidden = true;
}
