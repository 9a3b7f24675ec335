/** Memory that each picture uses in turn: taken anew each time, it would have to be cleared by the system and given back by
 *  the garbage collector, which takes as long as drawing. What it holds is gone when the next picture is drawn. */

/** Pictures that need more, at their second size beyond 4K, take memory of their own. */
const SCRATCH_BYTES_MAX = 4 * 2 ** 20;

export class Scratch {
  #bytes: Uint8Array = new Uint8Array(0);

  /** Full of anything; whoever asks next gets the same. */
  take(length: number): Uint8Array {
    if (length > SCRATCH_BYTES_MAX) return Buffer.allocUnsafeSlow(length);
    if (this.#bytes.length < length) this.#bytes = Buffer.allocUnsafeSlow(length);
    return this.#bytes.subarray(0, length);
  }
}
