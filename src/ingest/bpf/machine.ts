/** What this machine has of what the metrics need, and what would give it the rest. Reads the file system; loads no
 *  probe to find out. */
import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Availability } from '../driver.ts';
import type { CataloguedMetric } from './catalogue.ts';
import { hasSymbol, hasUsdt } from './elf.ts';
import type { Need } from './metric.ts';

/** Where bpftrace is looked for: what the probe process has as its PATH. */
export const COMMAND_DIRECTORIES = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

export interface Missing {
  readonly reason: string;
  readonly remedy: string;
}

export interface Machine {
  /** What keeps every metric from being had, now. */
  readonly missing: Missing | undefined;
  readonly btf: boolean;
  readonly paths: { readonly libc: string | undefined; readonly postgres: string | undefined };
  hasTracepoint(name: string): boolean;
}

export interface MachineOptions {
  readonly sys?: string;
  readonly proc?: string;
  /** Effective user; this process's where it is left out. */
  readonly uid?: number | undefined;
  /** bpftrace, where it is not on the path. */
  readonly command?: string | undefined;
  readonly postgres?: string | undefined;
}

export function lookAtMachine(options: MachineOptions = {}): Machine {
  const { sys = '/sys', proc = '/proc', uid = process.geteuid?.() ?? -1, command = 'bpftrace' } = options;
  const events = join(sys, 'kernel/tracing/events');
  return {
    get missing() {
      return whatIsMissing({ events, uid, command });
    },
    btf: existsSync(join(sys, 'kernel/btf/vmlinux')),
    paths: {
      libc: safePath(libcPath(proc)),
      postgres: safePath(options.postgres ?? postgresPath()),
    },
    hasTracepoint: (name) => existsSync(join(events, name, 'format')),
  };
}

function whatIsMissing(at: { events: string; uid: number; command: string }): Missing | undefined {
  if (process.platform !== 'linux') return { reason: 'this is not Linux', remedy: 'a Linux kernel' };
  if (at.uid !== 0) {
    return {
      reason: 'bpftrace needs root',
      remedy: 'run the instrumenter as root, or as the unit in docs/OPERATIONS.md does',
    };
  }
  if (!isExecutable(at.command)) {
    return { reason: 'bpftrace is not installed', remedy: 'install the package bpftrace, 0.17 or newer' };
  }
  if (!isExecutable('setpriv')) {
    return { reason: 'setpriv is not installed', remedy: 'install the package util-linux' };
  }
  if (!existsSync(at.events)) {
    return {
      reason: `"${at.events}" is not there, so no tracepoint can be found`,
      remedy: 'mount -t tracefs tracefs /sys/kernel/tracing',
    };
  }
  return undefined;
}

function isExecutable(command: string): boolean {
  const paths = command.includes('/')
    ? [command]
    : COMMAND_DIRECTORIES.map((directory) => join(directory, command));
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A path becomes part of a program: it has letters, digits and a few signs, or it is none. */
function safePath(path: string | undefined): string | undefined {
  return path !== undefined && /^\/[\w./+-]{1,200}$/.test(path) ? path : undefined;
}

/** The C library that this very program uses. */
function libcPath(proc: string): string | undefined {
  try {
    const found = /(\/\S*\/(?:libc\.so\.6|libc-[\d.]+\.so|ld-musl-[\w.-]+))$/m.exec(
      readFileSync(join(proc, 'self/maps'), 'utf8'),
    );
    return found === null ? undefined : realpathSync(found[1]!);
  } catch {
    return undefined;
  }
}

function postgresPath(): string | undefined {
  const versions = (directory: string): string[] => {
    try {
      return readdirSync(directory).toSorted((a, b) => Number.parseFloat(b) - Number.parseFloat(a));
    } catch {
      return [];
    }
  };
  const candidates = [
    ...versions('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin/postgres`),
    '/usr/bin/postgres',
    '/usr/local/pgsql/bin/postgres',
  ];
  return candidates.find((path) => existsSync(path));
}

export function availabilityOf(metric: CataloguedMetric, machine: Machine): Availability {
  const missing =
    machine.missing ?? metric.needs.map((need) => missingOf(need, machine)).find((m) => m !== undefined);
  const { name } = metric.description;
  return missing === undefined
    ? { metric: name, available: true }
    : { metric: name, available: false, ...missing };
}

export const NO_BTF: Missing = {
  reason: 'this kernel tells no types ("/sys/kernel/btf/vmlinux" is not there)',
  remedy: 'a kernel built with CONFIG_DEBUG_INFO_BTF',
};

function missingOf(need: Need, machine: Machine): Missing | undefined {
  switch (need.kind) {
    case 'tracepoint':
      return machine.hasTracepoint(need.name)
        ? undefined
        : { reason: `this kernel has no tracepoint ${need.name}`, remedy: 'a kernel that has it' };
    case 'btf':
      return machine.btf ? undefined : NO_BTF;
    case 'symbol':
    case 'usdt': {
      const { what, path, name, remedy } = need;
      if (path === undefined) return { reason: `no ${what} was found`, remedy };
      const has = need.kind === 'symbol' ? hasSymbol(path, name) : hasUsdt(path, name);
      return has ? undefined : { reason: `"${path}" has no probe ${name}`, remedy };
    }
  }
}
