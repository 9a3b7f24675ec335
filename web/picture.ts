/** The heatmap in its frame: asks for a picture that fits, decodes it, and only then puts it in the place of the
 *  one before. The picture is the server's to the pixel; its own legend, which the page shows as chips, is cut
 *  off below its time axis. */
import { type Look, type Reply } from './client.ts';
import { make } from './dom.ts';
import { spotAt, type Spot } from './place.ts';
import { type PictureMap, pictureMap } from './png-map.ts';

/** Beside and above the plot until the first picture tells its own. */
const BESIDE_START = 100;
const ABOVE_START = 63;
/** Ticks and their labels, below the plot. */
const BELOW = 36;
/** A picture off by less is shown as it is. */
const SLACK = 12;
const PLOT_MIN = { width: 160, height: 80 };
const PLOT_MAX = { width: 4000, height: 2000 };

export interface Ready {
  /** A blob's, decoded before. */
  readonly url: string;
  /** CSS pixels. */
  readonly width: number;
  readonly height: number;
  /** CSS pixels to show from the top; undefined: all. */
  readonly cutAt: number | undefined;
  readonly map: PictureMap | undefined;
}

export class Picture {
  readonly #frame: HTMLElement;
  readonly #place: HTMLElement;
  #beside = BESIDE_START;
  readonly #image = new Image();
  #url: string | undefined;
  #map: PictureMap | undefined;

  constructor(frame: HTMLElement) {
    this.#frame = frame;
    // The same element all along, painted at once: what replaces a picture was decoded before.
    this.#image.decoding = 'sync';
    this.#image.draggable = false;
    this.#place = make('div', 'picture');
    frame.prepend(this.#place);
  }

  /** What a gesture over the picture is heard on. */
  get element(): HTMLElement {
    return this.#place;
  }

  /** The cell under a pointer, of the picture that is shown now. */
  spot({ clientX, clientY }: { clientX: number; clientY: number }): Spot | undefined {
    if (this.#map === undefined || !this.#image.isConnected) return undefined;
    const { left, top, width, height } = this.#image.getBoundingClientRect();
    const { naturalWidth, naturalHeight } = this.#image;
    const x = ((clientX - left) / width) * naturalWidth;
    return spotAt(this.#map, x, ((clientY - top) / height) * naturalHeight);
  }

  /** Another statement has other labels: their width is learnt anew. */
  forget(): void {
    this.#beside = BESIDE_START;
  }

  /** A picture that fits the frame, decoded, or why there is none. */
  async load(theme: Look['theme'], ask: (look: Look) => Promise<Reply<ArrayBuffer>>): Promise<Reply<Ready>> {
    const look = this.look(theme);
    const reply = await ask(look);
    if (reply.kind !== 'fresh') return reply;
    const ready = await decode(reply.body, look);
    const besideNow = ready.width - look.width;
    if (ready.ofOurSize && Math.abs(besideNow - this.#beside) > SLACK) {
      // Learnt how much room the labels take: once more, to the pixel.
      this.#beside = besideNow;
      URL.revokeObjectURL(ready.url);
      const second = this.look(theme);
      const again = await ask(second);
      return again.kind === 'fresh' ? { ...again, body: await decode(again.body, second) } : again;
    }
    return { ...reply, body: ready };
  }

  show({ url, width, height, cutAt, map }: Ready, alt: string): void {
    this.#map = map;
    const image = this.#image;
    image.src = url;
    image.width = width;
    image.height = height;
    image.alt = alt;
    this.#place.style.setProperty('height', cutAt === undefined ? 'auto' : `${cutAt}px`);
    this.#place.classList.toggle('own-size', cutAt === undefined);
    if (!image.isConnected) this.#place.append(image);
    if (this.#url !== undefined) URL.revokeObjectURL(this.#url);
    this.#url = url;
  }

  clear(): void {
    this.#map = undefined;
    this.#place.replaceChildren();
    if (this.#url !== undefined) URL.revokeObjectURL(this.#url);
    this.#url = undefined;
  }

  /** What to ask for, so that the picture with its labels fits the frame. */
  look(theme: Look['theme']): Look {
    const { clientWidth, clientHeight } = this.#frame;
    const within = (size: number, side: 'width' | 'height'): number =>
      Math.round(Math.min(PLOT_MAX[side], Math.max(PLOT_MIN[side], size)));
    return {
      width: within(clientWidth - this.#beside, 'width'),
      height: within(clientHeight - ABOVE_START - BELOW, 'height'),
      scale: devicePixelRatio > 1 ? 2 : 1,
      theme,
    };
  }
}

async function decode(bytes: ArrayBuffer, look: Look): Promise<Ready & { ofOurSize: boolean }> {
  const map = pictureMap(new Uint8Array(bytes));
  const url = URL.createObjectURL(new Blob([bytes], { type: 'image/png' }));
  const image = new Image();
  image.src = url;
  await image.decode();
  const scale = map?.scale ?? look.scale;
  const width = Math.round(image.naturalWidth / scale);
  const height = Math.round(image.naturalHeight / scale);
  // The statement may name a size of its own: then it is shown whole.
  const ofOurSize = map !== undefined && Math.abs(map.plot.width / scale - look.width) <= 1;
  const cutAt = ofOurSize ? Math.round((map.plot.y + map.plot.height) / scale) + BELOW : undefined;
  return { url, width, height, cutAt, ofOurSize, map };
}
