/** The page's keys, listed in its help. A field that is typed into keeps them all. */

export interface KeyActions {
  readonly pause: () => void;
  readonly focus: () => void;
  readonly help: () => void;
  readonly theme: () => void;
  /** The nth hue of the legend, from 0: only it, or all without it. */
  readonly hue: (index: number, without: boolean) => void;
  readonly showAll: () => void;
}

export function listenToKeys(actions: KeyActions): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.isComposing || isTyping(event.target)) return;
    const digit = /^Digit([0-9])$/.exec(event.code)?.[1];
    const action =
      digit === undefined ? actionOf(event, actions) : () => digitAction(Number(digit), event, actions);
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
}

function actionOf({ key, target }: KeyboardEvent, actions: KeyActions): (() => void) | undefined {
  switch (key) {
    case ' ':
      // A focused button or link takes the space for itself.
      return target instanceof HTMLElement && target.closest('button, a, summary') !== null
        ? undefined
        : actions.pause;
    case '/':
      return actions.focus;
    case '?':
      return actions.help;
    case 't':
      return actions.theme;
    default:
      return undefined;
  }
}

function digitAction(digit: number, { shiftKey, altKey }: KeyboardEvent, actions: KeyActions): void {
  if (digit === 0) actions.showAll();
  else actions.hue(digit - 1, shiftKey || altKey);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}
