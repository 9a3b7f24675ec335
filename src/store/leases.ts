/** Readings under way: while there is one, nothing that it may still read is deleted. A reading that was forgotten
 *  must not stop deleting for ever, so one that goes on for too many seals ends with an error. */
import { SeriesGoneError } from './store-errors.ts';

/** Half an hour of log: no evaluation takes as long. */
const SEALS_MAX = 8;

export interface Lease {
  readonly sinceSeal: number;
  isRevoked: boolean;
}

export class Leases {
  readonly #leases = new Set<Lease>();

  take(seal: number): Lease {
    const lease = { sinceSeal: seal, isRevoked: false };
    this.#leases.add(lease);
    return lease;
  }

  /** Throws SeriesGoneError where what the reading still wants may be gone. */
  check(lease: Lease, instrumentation: string): void {
    if (lease.isRevoked) throw new SeriesGoneError(instrumentation, 'reading it took too long');
  }

  end(lease: Lease): void {
    this.#leases.delete(lease);
  }

  /** Whether anything may be deleted; ends readings that take too long. */
  isFree(seal: number): boolean {
    for (const lease of this.#leases) {
      if (lease.sinceSeal + SEALS_MAX > seal) return false;
      lease.isRevoked = true;
      this.#leases.delete(lease);
    }
    return true;
  }
}
