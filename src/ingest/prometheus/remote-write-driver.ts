/** The remote-write driver: samples that a Prometheus server sends on. One source, `<host>/remote-write`. Does not:
 *  listen; the gateway's route hands over bodies. */
import { ReceivedDriver, type ReceivedOptions, type Taken } from '../foreign/received-driver.ts';
import { writtenPoints } from './remote-write.ts';
import { unsnappy } from './snappy.ts';

/** Of a request without its snappy. */
const BYTES_MAX = 16 * 1024 * 1024;

export class RemoteWriteDriver extends ReceivedDriver {
  constructor(options: Omit<ReceivedOptions, 'name' | 'own'>) {
    super({ ...options, name: 'remote-write', own: [] });
  }

  /** Counts a WriteRequest. Throws SnappyError, WireError. */
  takeWrite(body: Uint8Array): Promise<Taken> {
    return this.takePoints(writtenPoints(unsnappy(body, BYTES_MAX)));
  }
}
