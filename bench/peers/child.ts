/** The process that one peer is measured in: memory and CPU are its own, and it can be ended when it hangs. It takes a
 *  job from its parent and tells what it finds; when the parent is gone it removes the run's files and ends, and with it
 *  its server. */
import { rmSync } from 'node:fs';
import { assert } from '../../src/model/assert.ts';
import type { News } from './measures.ts';
import { CannotError } from './peer.ts';
import { PEERS } from './peer-list.ts';
import { type Job, runPeer } from './run-peer.ts';

export interface Task {
  readonly peer: string;
  readonly job: Job;
  /** Of the whole run. */
  readonly root: string;
}

process.once('message', (task: Task) => {
  const orphaned = (): void => {
    rmSync(task.root, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    process.exit(1);
  };
  process.once('disconnect', orphaned);
  void work(task).finally(() => {
    process.off('disconnect', orphaned);
    process.disconnect?.();
  });
});

async function work({ peer: id, job }: Task): Promise<void> {
  const peer = PEERS.find((one) => one.id === id);
  assert(peer !== undefined, () => `no peer is called ${id}`);
  try {
    await runPeer(peer, job, tell);
  } catch (error) {
    const words = error instanceof CannotError ? error.message : `failed: ${String(error)}`;
    if (!(error instanceof CannotError)) console.error(error);
    tell({ kind: 'ended', words });
  }
}

function tell(news: News): void {
  process.send?.(news);
}
