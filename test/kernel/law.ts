/** A law of kernels: a named check that throws where a kernel does not keep it. */
import type { Kernel } from '../../src/kernel/kernel.ts';

export interface KernelLaw {
  readonly name: string;
  check(kernel: Kernel): void;
}
