/** Worlds of the odd seeds; the other half runs beside it. */
import { lawsHold } from './worlds.ts';

lawsHold(1);
