/** The worker thread that holds the warehouse: one errand at a time, in the order asked. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Ask, carryOut, type Told } from './desk.ts';
import { Warehouse } from './warehouse.ts';

const { path, seed } = workerData as { path: string; seed: number };
const warehouse = new Warehouse(path, seed);
const port = parentPort!;

port.on('message', ({ id, errand, argument }: Ask) => {
  const tell = (told: Told): void => port.postMessage(told);
  try {
    tell({ id, answer: carryOut(warehouse, errand, argument) });
  } catch (error) {
    tell({ id, failure: error instanceof Error ? error.message : String(error) });
  }
});
port.postMessage('open');
