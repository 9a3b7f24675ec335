/** One bpftrace process, from its start to its end. Owns: the process, its output, and what its last words mean.
 *  It dies with this process (setpriv --pdeathsig), ends on SIGINT and is killed where it does not within
 *  STOP_MS_MAX. Does not: start again, know what is measured. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../model/clock.ts';
import { OutputReader, type Reading } from './output.ts';

const STOP_MS_MAX = 2_000;
/** A program that is not ready by then never will be: the slowest one measured took 0.7 s on a loaded machine. */
const READY_MS_MAX = 20_000;
/** What is kept of what it writes on stderr. */
const STDERR_BYTES_MAX = 16 * 1024;
/** Nothing of this process's environment reaches it. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface BpftraceOptions {
  /** What is run; `bpftrace` where it is left out. */
  readonly command?: string;
  readonly program: string;
  /** Nanoseconds from the monotonic clock to Unix time. */
  readonly offsetNs: bigint;
  /** Keys that a map holds. */
  readonly keysMax: number;
  readonly clock: Clock;
}

export interface BpftraceSink {
  /** It measures. */
  ready(): void;
  reading(reading: Reading): void;
  /** Once, and last; undefined where it was asked to stop. */
  ended(reason: string | undefined): void;
}

export class Bpftrace {
  readonly #clock: Clock;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #gone = new AbortController();
  readonly #settled = new AbortController();
  #stderr = '';
  #stopping = false;
  #fault: string | undefined;

  constructor(options: BpftraceOptions, sink: BpftraceSink) {
    const { command = 'bpftrace', program, offsetNs, keysMax, clock } = options;
    this.#clock = clock;
    this.#child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', command, '-f', 'json', '-e', program, String(offsetNs)],
      {
        env: { PATH, BPFTRACE_MAP_KEYS_MAX: String(keysMax), LC_ALL: 'C' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const output = new OutputReader({
      ready: () => {
        this.#settled.abort();
        if (!this.#stopping) sink.ready();
      },
      reading: (reading) => sink.reading(reading),
      fault: (reason) => this.#giveUp(reason),
    });
    this.#child.stdout!.on('data', (chunk: Buffer) => output.push(chunk));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      if (this.#stderr.length < STDERR_BYTES_MAX) this.#stderr += text;
    });
    this.#ended = new Promise((resolve) => {
      const end = (reason: string): void => {
        if (this.#gone.signal.aborted) return;
        this.#gone.abort();
        this.#settled.abort();
        sink.ended(this.#stopping ? undefined : (this.#fault ?? reason));
        resolve();
      };
      this.#child.once('error', (error) => end(spawnFault(error)));
      this.#child.once('close', (code, signal) => end(lastWords(code, signal, this.#stderr)));
    });
    void clock.sleep(READY_MS_MAX, this.#settled.signal).then(() => {
      if (!this.#settled.signal.aborted)
        this.#giveUp(`it did not begin to measure within ${READY_MS_MAX / 1000} s`);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when the process is gone, and what it had in the kernel with it. */
  async stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#settled.abort();
      this.#child.kill('SIGINT');
      void this.#clock.sleep(STOP_MS_MAX, this.#gone.signal).then(() => {
        if (!this.#gone.signal.aborted) this.#child.kill('SIGKILL');
      });
    }
    await this.#ended;
  }

  #giveUp(reason: string): void {
    this.#fault ??= reason;
    this.#child.kill('SIGKILL');
  }
}

function spawnFault(error: Error): string {
  const missing = 'code' in error && error.code === 'ENOENT';
  return missing ? 'setpriv is not installed: install util-linux' : error.message;
}

/** What a person reads when bpftrace ended by itself: by its message, as its exit codes say little. */
function lastWords(code: number | null, signal: string | null, stderr: string): string {
  const known = LAST_WORDS.find(([pattern]) => pattern.test(stderr));
  if (known !== undefined) return known[1];
  if (code === 139 || signal === 'SIGSEGV') {
    return 'bpftrace broke down (segmentation fault), as it does where the kernel has no type information (BTF)';
  }
  const said = stderr
    .split('\n')
    .filter((line) => /error|fatal|failed|denied/i.test(line) && !/MEMLOCK/.test(line));
  const how = signal === null ? `exit code ${code}` : signal;
  return `bpftrace ended (${how})${said.length === 0 ? '' : `: ${said.slice(0, 3).join('; ').slice(0, 300)}`}`;
}

const LAST_WORDS: readonly (readonly [RegExp, string])[] = [
  [/failed to execute .*: No such file/i, 'bpftrace is not installed: install the package bpftrace'],
  [/only supports running as the root user/, 'bpftrace needs root'],
  [
    /failed to create map.*Operation not permitted|Operation not permitted/i,
    'no permission to load BPF programs: root needs CAP_BPF and CAP_PERFMON, outside of a user namespace',
  ],
  [/tracepoint not found|Could not (find|read) tracepoint/i, 'this kernel has no such tracepoint'],
  [/does not contain a field/i, 'the tracepoint of this kernel lacks a field'],
  [/Argument list too long/i, 'the map is larger than this kernel takes'],
  [/No probes to attach/i, 'there is nothing to attach to'],
];
