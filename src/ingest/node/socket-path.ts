/** Where the node driver listens and a measured program looks for it: TAILGLOW_SOCKET, else one place per user
 *  that both sides can work out: <temporary directory>/tailglow-<uid>/node.sock. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The kernel's sockaddr_un has 108 bytes, the last of which is 0. */
export const SOCKET_PATH_BYTES_MAX = 107;

export function defaultSocketPath(): string {
  return join(tmpdir(), `tailglow-${process.getuid?.() ?? 'user'}`, 'node.sock');
}
