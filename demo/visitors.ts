/** The process that main.ts forks for the load: `visitors.js PORT RATE SEED`. Tells its counts once a second
 *  and ends when its parent is gone. */
import { type LoadCounts, startLoad } from './load.ts';
import { onDisconnect } from './parent.ts';

const [port, perSecond, seed] = process.argv.slice(2).map(Number);
const counts: LoadCounts = { scheduled: 0, answered: 0, failed: 0, refused: 0 };
onDisconnect(() => process.exit(0));
startLoad({ port: port!, perSecond: perSecond!, seed: seed! }, counts);
// A counting that finds the channel closed is the parent's end, which 'disconnect' tells too.
setInterval(() => process.send?.(counts, undefined, undefined, () => undefined), 1000);
