/** Keeps what was made, by a text that says what from: for what a live picture asks for again each second. */

/** `make`, but that the same is given again for the same text, as long as fewer than `max` others were asked for since; it
 *  must not be changed. `textOf` is injective. */
export function keptLately<From extends readonly unknown[], Made extends object>(
  max: number,
  textOf: (...from: From) => string,
  make: (...from: From) => Made,
): (...from: From) => Made {
  /** The one asked for longest ago first. */
  const kept = new Map<string, Made>();
  return (...from) => {
    const text = textOf(...from);
    const made = kept.get(text) ?? make(...from);
    kept.delete(text);
    kept.set(text, made);
    if (kept.size > max) kept.delete(kept.keys().next().value!);
    return made;
  };
}

/** `make` of a theme, of a theme and a palette, ...: kept for as many names as there are, which is few. */
export function keptByName<Names extends readonly string[], Made>(
  make: (...names: Names) => Made,
): (...names: Names) => Made {
  const made = new Map<string, Made>();
  return (...names) => {
    const name = names.join(' ');
    const known = made.get(name) ?? make(...names);
    made.set(name, known);
    return known;
  };
}
