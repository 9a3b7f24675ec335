/** Keeps what was made lately, by a text that says what from: for what a live picture asks for again each second. */

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
