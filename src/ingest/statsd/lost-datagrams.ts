/** How many datagrams the kernel threw away because the socket's buffer was full, from /proc/net/udp. */
import { KeptFile } from '../proc/kept-file.ts';

export class LostDatagrams {
  readonly #file: KeptFile;
  readonly #port: string;
  #before: number | undefined;

  constructor(port: number, family: 'udp4' | 'udp6', proc = '/proc') {
    this.#file = new KeptFile(`${proc}/net/${family === 'udp4' ? 'udp' : 'udp6'}`);
    this.#port = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  }

  /** Since the last call; 0 at the first, and where the kernel does not tell. */
  since(): number {
    const now = this.#total();
    const before = this.#before ?? now;
    this.#before = now;
    return now === undefined || before === undefined ? 0 : Math.max(0, now - before);
  }

  close(): void {
    this.#file.close();
  }

  #total(): number | undefined {
    try {
      const lines = this.#file.read().toString('latin1').split('\n');
      const words = lines.map((line) => line.trim().split(/\s+/)).filter((w) => w[1]?.endsWith(this.#port));
      return words.length === 0 ? undefined : words.reduce((sum, w) => sum + Number(w.at(-1)), 0);
    } catch {
      return undefined;
    }
  }
}
