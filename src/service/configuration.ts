/** The config role: which instrumentations live, and which ranges are pinned. Commands become control events in the log; the catalogue folds
 *  them back, and only then is a command done, so what it answers is what every other reader of the log will
 *  see. Owns: the life of instrumentations (create, change, pause, drop, expire) and of pins, and their numbering.
 *  Commands run one after another. */
import type { Clock } from '../model/clock.ts';
import { unixSecond } from '../model/clock.ts';
import type { ControlEvent } from '../model/control.ts';
import { INSTRUMENTATION_ID, type Instrumentation, measuresText } from '../model/instrumentation.ts';
import { type Level, type LevelRetention, LEVELS } from '../model/level.ts';
import { INSTRUMENTATIONS_MAX } from '../model/limits.ts';
import { type LogEntry, type LogReader, LogReplacedError, type LogWriter } from '../model/log.ts';
import type { MetricDescription } from '../model/metric.ts';
import type { Pin } from '../model/pin.ts';
import { encodeControlEntry } from '../model/report.ts';
import { baseId, freshId } from '../query/check.ts';
import type { Draft } from '../query/checked.ts';
import type { Catalogue } from '../store/catalogue.ts';
import { pinUnknown, type PinDraft, refuseGone, refuseUnfitPin, samePin } from './pin-rules.ts';
import { ProblemException } from './problem.ts';

/** A command waits this long for its event to come back through the log. */
const FOLD_WAIT_MS = 5000;
/** Reading what is in the log since the catalogue's last commit takes at most this long, or something is wrong. */
const CATCH_UP_MS = 60_000;
const FOLLOW_AGAIN_MS = 1000;
/** The host under whose name imported metrics are known, and imports report. */
const IMPORT_HOST = 'import';
/** Metrics that only imports know: each event that adds one carries them all. */
const IMPORTED_METRICS_MAX = 200;
/** Idle instrumentations are looked for this often. */
const IDLE_CHECK_MS = 5000;

export interface ConfigurationOptions {
  readonly catalogue: Catalogue;
  /** Opens it anew: after a failed write, or for a log that was made anew. */
  readonly reopen: (logIdentity: string) => Catalogue;
  readonly writer: LogWriter;
  readonly reader: LogReader;
  readonly clock: Clock;
  /** Called after each change of what lives, in order, with what is to be measured. */
  readonly onChange: (measured: readonly Instrumentation[]) => void;
  /** Something does not work, and is tried again every second; told once. */
  readonly onFault: (error: unknown) => void;
  /** It works again. */
  readonly onHealed?: () => void;
}

/** What of an instrumentation may change; what is absent stays as it is. */
export interface Change {
  readonly paused?: boolean;
  readonly keepSeconds?: number;
  /** Of which nothing is said is kept as model/level.ts has it. */
  readonly keepLevels?: readonly LevelRetention[];
  readonly idleSeconds?: number;
}

export class Configuration {
  readonly #options: ConfigurationOptions;
  readonly #stop = new AbortController();
  readonly #looks = new Map<string, number>();
  readonly #waiters = new Set<() => void>();
  readonly #watchers = new Set<(entries: readonly LogEntry[]) => void>();
  #commands: Promise<unknown> = Promise.resolve();
  #catalogue: Catalogue;
  #fault: string | undefined;
  #running: Promise<void>[] = [];

  private constructor(options: ConfigurationOptions) {
    this.#options = options;
    this.#catalogue = options.catalogue;
  }

  static start(options: ConfigurationOptions): Configuration {
    const configuration = new Configuration(options);
    configuration.#running = [configuration.#follow(), configuration.#expireIdle()];
    return configuration;
  }

  instrumentations(): readonly Instrumentation[] {
    return this.#catalogue.instrumentations();
  }

  /** Those that live and are not paused. */
  measured(): readonly Instrumentation[] {
    return this.instrumentations().filter((i) => i.pausedSecond === undefined);
  }

  /** Those that expired and have a history still. */
  expired(): ReturnType<Catalogue['expired']> {
    return this.#catalogue.expired();
  }

  pins(): readonly Pin[] {
    return this.#catalogue.pins();
  }

  metrics(): ReturnType<Catalogue['metrics']> {
    return this.#catalogue.metrics();
  }

  /** Undefined while it follows the log; else why not. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Log entries below are not needed by the catalogue. */
  get trimOffset(): number {
    return this.#catalogue.resumeOffset;
  }

  /** Someone looked: the idle clock of this instrumentation starts anew. */
  look(id: string): void {
    this.#looks.set(id, this.#options.clock.nowMs());
  }

  /** When someone last looked at it, as far as is known since the start. */
  lookedSecond(id: string): number | undefined {
    const lookedMs = this.#looks.get(id);
    return lookedMs === undefined ? undefined : unixSecond(lookedMs);
  }

  /** What `create` would make of it: a new name, or one that lives and measures the same. Throws ProblemException as it. */
  planned(draft: Draft): { readonly id: string } | { readonly same: Instrumentation } {
    const living = this.instrumentations();
    const same = living.find((i) => (draft.id === undefined || draft.id === i.id) && measuresSame(i, draft));
    if (same !== undefined) return { same };
    const id = draft.id ?? freshId(baseId(draft), new Set(living.map((i) => i.id)));
    refuseUnfit(id, living);
    this.#refuseLoss(id, draft);
    return { id };
  }

  /** Creates an instrumentation; without a chosen name one that measures the same is given back instead.
   *  Throws ProblemException: the name is taken or odd, or there are too many. */
  create(draft: Draft): Promise<{ instrumentation: Instrumentation; created: boolean }> {
    return this.#command(async () => {
      const planned = this.planned(draft);
      if ('same' in planned) return { instrumentation: planned.same, created: false };
      const { id } = planned;
      const createdSecond = unixSecond(this.#options.clock.nowMs());
      const instrumentation: Instrumentation = { ...draft, id, createdSecond };
      this.look(id);
      await this.#append({ kind: 'instrumentation-created', instrumentation });
      await this.#until(() => this.#find(id) !== undefined, FOLD_WAIT_MS);
      return { instrumentation, created: true };
    });
  }

  /** Throws ProblemException: 404 where it does not live, 422 where the levels do not fit. */
  change(id: string, to: Change): Promise<Instrumentation> {
    return this.#command(async () => {
      this.#existing(id);
      const { paused, ...kept } = to;
      if (Object.keys(kept).length > 0) await this.#rekeep(id, kept);
      if (paused !== undefined) await this.#setPaused(id, paused);
      return this.#existing(id);
    });
  }

  async #rekeep(id: string, to: Omit<Change, 'paused'>): Promise<void> {
    const now = this.#existing(id);
    const keepSeconds = to.keepSeconds ?? now.keepSeconds;
    const idleSeconds = to.idleSeconds ?? now.idleSeconds;
    const keepLevels = inOrder(id, to.keepLevels ?? now.keepLevels ?? []);
    const kept = keepLevels.length === 0 ? {} : { keepLevels };
    await this.#append({ kind: 'instrumentation-changed', id, keepSeconds, ...kept, idleSeconds });
    const text = (i: Change): string => JSON.stringify([i.keepSeconds, i.keepLevels ?? [], i.idleSeconds]);
    const wanted = text({ keepSeconds, keepLevels, idleSeconds });
    await this.#until(() => text(this.#find(id) ?? {}) === wanted, FOLD_WAIT_MS);
  }

  async #setPaused(id: string, paused: boolean): Promise<void> {
    const isPaused = (): boolean => this.#find(id)?.pausedSecond !== undefined;
    if (isPaused() === paused) return;
    this.look(id);
    await this.#append({ kind: paused ? 'instrumentation-paused' : 'instrumentation-resumed', id });
    await this.#until(() => isPaused() === paused, FOLD_WAIT_MS);
  }

  /** Throws ProblemException: 404 where it does not live, 409 where a pin holds a part of it. */
  drop(id: string): Promise<void> {
    return this.#command(async () => {
      this.#existing(id);
      this.#refusePinned(id, `drop "${id}"`);
      await this.#append({ kind: 'instrumentation-dropped', id });
      await this.#until(() => this.#find(id) === undefined, FOLD_WAIT_MS);
      this.#looks.delete(id);
    });
  }

  /** Pins a range of one that lives. A pin of the same name is widened; one that the new range does not cover stays,
   *  and the name is refused. Throws ProblemException. */
  pin(draft: PinDraft): Promise<Pin> {
    return this.#command(async () => {
      const createdSecond = unixSecond(this.#options.clock.nowMs());
      const { instrumentation, fromSecond, untilSecond } = draft;
      refuseGone(draft, this.#existing(instrumentation), this.pins(), createdSecond);
      const taken = this.pins();
      const id = draft.id ?? freshId(`${instrumentation.slice(0, 60)}-pin`, new Set(taken.map((p) => p.id)));
      const known = taken.find((p) => p.id === id);
      if (known !== undefined && samePin(known, draft)) return known;
      refuseUnfitPin({ ...draft, id }, taken);
      const pin: Pin = { id, instrumentation, fromSecond, untilSecond, createdSecond };
      await this.#append({ kind: 'range-pinned', pin });
      await this.#until(() => this.pins().some((p) => p.id === id && samePin(p, pin)), FOLD_WAIT_MS);
      return pin;
    });
  }

  /** Throws ProblemException 404 where there is no such pin. */
  unpin(id: string): Promise<void> {
    return this.#command(async () => {
      const exists = (): boolean => this.pins().some((pin) => pin.id === id);
      if (!exists()) throw pinUnknown(id);
      await this.#append({ kind: 'range-unpinned', id });
      await this.#until(() => !exists(), FOLD_WAIT_MS);
    });
  }

  /** Gives up what is stored of a level and ends at or before `untilSecond`, pinned ranges excepted. Resolves when the
   *  log has it; the stores act when they come to it. */
  reclaim(level: Level, untilSecond: number): Promise<void> {
    return this.#command(() => this.#append({ kind: 'space-reclaimed', level, untilSecond }));
  }

  /** An instrumenter started. When this resolves its event has come back through the log, so the catalogue has
   *  caught up with all that was in the log before, and what the instrumenter measures is known. */
  async announce(host: string, metrics: readonly MetricDescription[]): Promise<void> {
    const payload = encodeControlEntry({ kind: 'instrumenter-online', host, metrics });
    const sinceMs = this.#options.clock.nowMs();
    let back = false;
    const watch = (entries: readonly LogEntry[]): void => {
      back ||= entries.some((e) => e.arrivedMs >= sinceMs && Buffer.compare(e.payload, payload) === 0);
    };
    this.#watchers.add(watch);
    try {
      await this.#appendPayload(payload);
      await this.#until(() => back, CATCH_UP_MS);
    } finally {
      this.#watchers.delete(watch);
    }
  }

  /** Makes a metric known that no instrumenter measures: what an import brings. False where it was known. Throws
   *  ProblemException: it is known with another meaning, or there are too many. */
  describe(metric: MetricDescription): Promise<boolean> {
    return this.#command(async () => {
      const known = this.metrics().find((m) => m.name === metric.name);
      const before = this.offered(IMPORT_HOST);
      refuseOther(metric, known, before.length);
      if (known !== undefined) return false;
      await this.announce(IMPORT_HOST, [...before, metric]);
      return true;
    });
  }

  /** What was offered under this name, in earlier runs too. */
  offered(name: string): readonly MetricDescription[] {
    return this.#catalogue.hosts().find(({ host }) => host === name)?.metrics ?? [];
  }

  /** Makes known what `merge` adds to what is known of `origin`; nothing where it gives back the same. */
  learn(
    origin: string,
    merge: (known: readonly MetricDescription[]) => readonly MetricDescription[],
  ): Promise<void> {
    return this.#command(async () => {
      const known = this.offered(origin);
      const merged = merge(known);
      if (merged !== known) await this.announce(origin, merged);
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
    await this.#options.reader.close();
    this.#catalogue.close();
  }

  #find(id: string): Instrumentation | undefined {
    return this.instrumentations().find((i) => i.id === id);
  }

  #existing(id: string): Instrumentation {
    const found = this.#find(id);
    if (found !== undefined) return found;
    throw new ProblemException({
      status: 404,
      code: 'INSTRUMENTATION_UNKNOWN',
      title: 'No such instrumentation',
      detail: `Cannot find instrumentation ${JSON.stringify(id)}: none of this name lives`,
    });
  }

  /** What is made anew under the name of an expired one that measured something else takes its history away. */
  #refuseLoss(id: string, draft: Draft): void {
    const before = this.#catalogue.expired().find((life) => life.instrumentation.id === id);
    if (before === undefined) return;
    const isSame = measuresText(before.instrumentation) === measuresText(draft);
    if (!isSame) this.#refusePinned(id, `create instrumentation "${id}" anew, measuring something else`);
  }

  #refusePinned(id: string, what: string): void {
    const pins = this.pins().filter((pin) => pin.instrumentation === id);
    if (pins.length === 0) return;
    const names = pins.slice(0, 8).map((pin) => `"${pin.id}"`);
    throw new ProblemException({
      status: 409,
      code: 'INSTRUMENTATION_PINNED',
      title: 'A part of it is pinned',
      detail: `Cannot ${what}: ${pins.length === 1 ? 'the pin' : 'the pins'} ${names.join(', ')} ${pins.length === 1 ? 'keeps' : 'keep'} a part of its history, which "unpin ${pins[0]!.id}" would let go`,
    });
  }

  #command<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#commands.then(run, run);
    this.#commands = next.catch(() => undefined);
    return next;
  }

  #append(event: ControlEvent): Promise<void> {
    return this.#appendPayload(encodeControlEntry(event));
  }

  async #appendPayload(payload: Uint8Array): Promise<void> {
    try {
      await this.#options.writer.append(payload);
    } catch (cause) {
      throw unavailable('the log does not take entries now', cause);
    }
  }

  /** Reads on after a fault: what is not folded yet stands in the log. */
  async #follow(): Promise<void> {
    const { reader, clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for await (const entries of reader.read(this.#catalogue.resumeOffset, signal)) this.#fold(entries);
      } catch (error) {
        this.#tellFault(error);
        await clock.sleep(FOLLOW_AGAIN_MS, signal);
        if (!signal.aborted && (error instanceof LogReplacedError || this.#catalogue.broken))
          await this.#reopen();
      }
    }
  }

  /** Where that fails, what was known is answered on, and it is tried again. */
  async #reopen(): Promise<void> {
    try {
      const identity = await this.#options.reader.identity();
      this.#catalogue.close();
      this.#catalogue = this.#options.reopen(identity);
      this.#options.onChange(this.measured());
    } catch (error) {
      this.#tellFault(error);
    }
  }

  #tellFault(error: unknown): void {
    const before = this.#fault;
    this.#fault = error instanceof Error ? error.message : String(error);
    if (before === undefined) this.#options.onFault(error);
  }

  #fold(entries: readonly LogEntry[]): void {
    const before = this.instrumentations();
    this.#catalogue.fold(entries);
    if (this.#fault !== undefined) {
      this.#fault = undefined;
      this.#options.onHealed?.();
    }
    for (const watch of this.#watchers) watch(entries);
    const after = this.instrumentations();
    if (before !== after) this.#options.onChange(this.measured());
    for (const wake of this.#waiters) wake();
  }

  async #until(holds: () => boolean, limitMs: number): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const wake = (): void => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#waiters.delete(wake);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(wake);
        reject(unavailable('the log did not give the event back in time'));
      }, limitMs);
      this.#waiters.add(wake);
    });
  }

  async #expireIdle(): Promise<void> {
    const { clock, onFault } = this.#options;
    while (!this.#stop.signal.aborted) {
      await clock.sleep(IDLE_CHECK_MS, this.#stop.signal);
      const now = clock.nowMs();
      for (const { id, idleSeconds, pausedSecond } of this.instrumentations()) {
        // A paused one costs nothing, and waits for who paused it.
        if (pausedSecond !== undefined) this.#looks.set(id, now);
        const looked = this.#looks.get(id);
        if (looked === undefined) this.#looks.set(id, now);
        else if (idleSeconds > 0 && now - looked > idleSeconds * 1000) {
          await this.#command(() => this.#append({ kind: 'instrumentation-expired', id })).catch(onFault);
          this.#looks.delete(id);
        }
      }
    }
  }
}

function unavailable(why: string, cause?: unknown): ProblemException {
  return new ProblemException(
    {
      status: 503,
      code: 'LOG_UNAVAILABLE',
      title: 'The log is away',
      detail: `Cannot change instrumentations: ${why}`,
      retryAfterSeconds: 1,
    },
    { cause },
  );
}

function refuseUnfit(id: string, living: readonly Instrumentation[]): void {
  if (!INSTRUMENTATION_ID.test(id)) {
    throw new ProblemException({
      status: 422,
      code: 'NAME_INVALID',
      title: 'The name does not fit',
      detail: `Cannot name an instrumentation ${JSON.stringify(id)}: expected a letter, then up to 63 letters, digits, "_" or "-"`,
    });
  }
  if (living.some((i) => i.id === id)) {
    throw new ProblemException({
      status: 409,
      code: 'NAME_TAKEN',
      title: 'The name is taken',
      detail: `Cannot create instrumentation "${id}": one of this name lives and measures something else`,
    });
  }
  if (living.length >= INSTRUMENTATIONS_MAX) {
    throw new ProblemException({
      status: 422,
      code: 'TOO_MANY_INSTRUMENTATIONS',
      title: 'Too many instrumentations',
      detail: `Cannot create instrumentation "${id}": ${living.length} live, at most ${INSTRUMENTATIONS_MAX} may`,
    });
  }
}

function refuseOther(
  metric: MetricDescription,
  known: MetricDescription | undefined,
  imported: number,
): void {
  const shape = (m: MetricDescription): string =>
    JSON.stringify([m.scope, m.amount ?? null, m.fields.map((f) => [f.name, f.type])]);
  if (known !== undefined && shape(known) !== shape(metric)) {
    throw new ProblemException({
      status: 409,
      code: 'METRIC_DIFFERS',
      title: 'The metric is another',
      detail: `Cannot describe metric "${metric.name}": it is known with other fields, ${known.fields.map((f) => `${f.name} (${f.type})`).join(', ')}`,
    });
  }
  if (known === undefined && imported >= IMPORTED_METRICS_MAX) {
    throw new ProblemException({
      status: 422,
      code: 'TOO_MANY_METRICS',
      title: 'Too many metrics',
      detail: `Cannot describe metric "${metric.name}": ${imported} are known from imports, at most ${IMPORTED_METRICS_MAX} may be`,
    });
  }
}

function measuresSame(a: Instrumentation, b: Draft): boolean {
  const shape = (i: Draft): string =>
    JSON.stringify([i.metric, i.where ?? null, i.by, i.numeric ?? null, i.everySeconds]);
  return shape(a) === shape(b);
}

/** The finest first. Throws ProblemException where a level is given twice, or is that of whole seconds. */
function inOrder(id: string, levels: readonly LevelRetention[]): LevelRetention[] {
  const ordered = LEVELS.flatMap((level) =>
    level === 1 ? [] : levels.filter((kept) => kept.level === level),
  );
  if (ordered.length === levels.length && new Set(ordered.map((kept) => kept.level)).size === levels.length)
    return ordered;
  throw new ProblemException({
    status: 422,
    code: 'RETENTION_INVALID',
    title: 'The retention does not fit',
    detail: `Cannot change instrumentation "${id}": expected each level of keepLevels once, and none of 1, of which keepSeconds speaks`,
  });
}
