/** Worlds of the even seeds; the other half runs beside it. */
import { lawsHold } from './worlds.ts';

lawsHold(0);
