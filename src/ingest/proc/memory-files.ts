/** The text files of /proc that speak of memory: what it is used for, and what its management did. */
import type { SampleBuilder } from './sample.ts';
import type { Scanner } from './scanner.ts';
import type { TextFiles } from './text-subject.ts';

/** Kinds that add up to the memory of the machine: what no other kind names is "other". In bytes. */
export const MEMORY_KINDS = [
  'free',
  'buffers',
  'cached',
  'shared',
  'anonymous',
  'slab',
  'kernel',
  'other',
] as const;
export const SWAP = { used: 8, free: 9 } as const;

/** What is added up and taken off for each kind; Cached has the shared pages in it. */
const KIND_PARTS: Readonly<Record<string, { readonly add: readonly string[]; readonly less?: string }>> = {
  free: { add: ['MemFree'] },
  buffers: { add: ['Buffers'] },
  cached: { add: ['Cached', 'SwapCached'], less: 'Shmem' },
  shared: { add: ['Shmem'] },
  anonymous: { add: ['AnonPages'] },
  slab: { add: ['Slab'] },
  kernel: { add: ['KernelStack', 'PageTables'] },
};

const MEMORY_STARTS = [
  'MemTotal',
  'SwapTotal',
  'SwapFree',
  ...Object.values(KIND_PARTS).flatMap(({ add }) => add),
].map((name) => [name, Buffer.from(`${name}:`)] as const);

function parseMeminfo(text: Scanner, into: SampleBuilder): void {
  const sizes = new Map<string, number>();
  for (const [name, start] of MEMORY_STARTS) if (text.find(start)) sizes.set(name, text.number() * 1024);
  const total = sizes.get('MemTotal');
  if (total === undefined || Number.isNaN(total)) return;
  const of = (name: string | undefined): number => (name === undefined ? 0 : sizes.get(name) || 0);
  const numbers = into.numbersOf('', () => ({}));
  let named = 0;
  MEMORY_KINDS.forEach((kind, i) => {
    const parts = KIND_PARTS[kind];
    if (parts === undefined) return;
    numbers[i] = Math.max(0, parts.add.reduce((sum, name) => sum + of(name), 0) - of(parts.less));
    named += numbers[i]!;
  });
  numbers[MEMORY_KINDS.indexOf('other')] = Math.max(0, total - named);
  if (!sizes.has('SwapTotal')) return;
  numbers[SWAP.free] = of('SwapFree');
  numbers[SWAP.used] = Math.max(0, of('SwapTotal') - of('SwapFree'));
}

export const MEMORY_FILES: TextFiles = {
  files: [{ name: 'meminfo', parse: parseMeminfo }],
  columns: 10,
  counters: 0,
};

/** What is counted of /proc/vmstat, by the name that it gets here: the columns in this order. Newer kernels count
 *  reclaim in more than one place; the sum is what was reclaimed. */
export const VM_EVENTS: readonly { readonly event: string; readonly names: readonly string[] }[] = [
  { event: 'fault', names: ['pgfault'] },
  { event: 'major_fault', names: ['pgmajfault'] },
  { event: 'swap_in', names: ['pswpin'] },
  { event: 'swap_out', names: ['pswpout'] },
  { event: 'scan', names: ['pgscan_kswapd', 'pgscan_direct', 'pgscan_khugepaged', 'pgscan_proactive'] },
  {
    event: 'reclaim',
    names: ['pgsteal_kswapd', 'pgsteal_direct', 'pgsteal_khugepaged', 'pgsteal_proactive'],
  },
  {
    event: 'direct_reclaim_stall',
    names: [
      'allocstall_dma',
      'allocstall_dma32',
      'allocstall_normal',
      'allocstall_movable',
      'allocstall_device',
      'allocstall',
    ],
  },
  { event: 'compaction_stall', names: ['compact_stall'] },
  { event: 'oom_kill', names: ['oom_kill'] },
];
const VM_STARTS = VM_EVENTS.map(({ names }) => names.map((name) => Buffer.from(`${name} `)));

function parseVmstat(text: Scanner, into: SampleBuilder): void {
  VM_STARTS.forEach((starts, column) => {
    for (const start of starts) {
      const value = text.find(start) ? text.number() : Number.NaN;
      if (Number.isNaN(value)) continue;
      const numbers = into.numbersOf('', () => ({}));
      numbers[column] = (numbers[column] || 0) + value;
    }
  });
}

export const VM_FILES: TextFiles = {
  files: [{ name: 'vmstat', parse: parseVmstat }],
  columns: VM_EVENTS.length,
  counters: VM_EVENTS.length,
};
