/** A process that folds a fleet's reports into a store, tells its memory, and waits to be killed. */
import { foldAndHold, type Task } from './processes.ts';

process.once('message', (task: Task) => {
  process.once('disconnect', () => process.exit(1));
  process.send?.(foldAndHold(task));
});
