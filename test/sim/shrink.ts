/** Makes a failing case small: what is left out and it still fails stays out. First large parts, then single steps
 *  (delta debugging), then what the steps and the shape say. Pure but for `fails`, which runs a case; bounded by how
 *  often it may. */
import { COUNT } from '../../src/model/grid.ts';
import type { Case, ReportStep, Step } from './case.ts';

const RUNS_MAX = 1500;

export async function shrink(of: Case, fails: (smaller: Case) => Promise<boolean>): Promise<Case> {
  const shrinking = new Shrinking(of, fails);
  for (;;) {
    const before = shrinking.size;
    await shrinking.shortest();
    await shrinking.withoutKinds();
    await shrinking.fewerReports();
    await shrinking.fewerPasses();
    await shrinking.withoutParts();
    await shrinking.simplerShape();
    await shrinking.simplerSteps();
    if (shrinking.size >= before || shrinking.isOver) return shrinking.best;
  }
}

class Shrinking {
  best: Case;
  readonly #fails: (smaller: Case) => Promise<boolean>;
  #runs = 0;

  constructor(of: Case, fails: (smaller: Case) => Promise<boolean>) {
    this.best = of;
    this.#fails = fails;
  }

  get isOver(): boolean {
    return this.#runs >= RUNS_MAX;
  }

  get size(): number {
    return JSON.stringify(this.best).length;
  }

  /** The shortest beginning that fails. */
  async shortest(): Promise<void> {
    const { steps } = this.best;
    let [low, high] = [0, steps.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (await this.#try({ ...this.best, steps: steps.slice(0, middle) })) high = middle;
      else low = middle + 1;
    }
  }

  async withoutKinds(): Promise<void> {
    for (const kind of new Set(this.best.steps.map((step) => step.do))) {
      await this.#try({ ...this.best, steps: this.best.steps.filter((step) => step.do !== kind) });
    }
  }

  /** Few rows, and one report each, in all steps at once: else every step is made simpler one by one. */
  async fewerReports(): Promise<void> {
    for (const most of [0, 1, 2]) {
      await this.#reports((report) => ({ ...report, rows: report.rows.slice(0, most) }));
    }
    await this.#reports((report) => ({ ...report, rows: report.rows.map(() => [0, 0, 1]) }));
    await this.#reports(({ partial: _p, odd: _o, ...plain }) => plain);
    for (const label of Object.keys(this.best.shape.instrumentations)) {
      const steps = this.best.steps.map((step) =>
        'reports' in step ? { ...step, reports: step.reports.filter(({ of }) => of !== label) } : step,
      );
      await this.#try({ ...this.best, steps });
    }
  }

  /** Time passes at once, whatever lies between. */
  async fewerPasses(): Promise<void> {
    const passes = (): number[] => this.best.steps.flatMap((step, at) => (step.do === 'pass' ? [at] : []));
    for (let i = passes().length - 1; i > 0; i--) {
      const [one, other] = [passes()[i - 1]!, passes()[i]!];
      const seconds = secondsOf(this.best.steps[one]!) + secondsOf(this.best.steps[other]!);
      for (const [kept, left] of [
        [other, one],
        [one, other],
      ] as const) {
        const steps = this.best.steps.with(kept, { do: 'pass', seconds }).toSpliced(left, 1);
        if (await this.#try({ ...this.best, steps })) break;
      }
    }
  }

  async withoutParts(): Promise<void> {
    for (let length = this.best.steps.length >> 1; length > 0; length >>= 1) {
      for (let from = this.best.steps.length - length; from >= 0; from -= length) {
        await this.#try({ ...this.best, steps: this.best.steps.toSpliced(from, length) });
      }
      const rest = this.best.steps.length % length;
      if (rest > 0) await this.#try({ ...this.best, steps: this.best.steps.slice(rest) });
    }
  }

  async simplerShape(): Promise<void> {
    for (const { name } of this.best.shape.hosts) {
      await this.#shape({ hosts: this.best.shape.hosts.filter((host) => host.name !== name) });
    }
    await this.#shape({ hosts: this.best.shape.hosts.map((host) => ({ ...host, drivers: ['proc'] })) });
    const used = new Set(this.best.steps.flatMap(labelsOf));
    const [first] = used;
    if (first !== undefined) {
      await this.#try({ ...this.best, steps: this.best.steps.map((step) => aboutOne(step, first)) });
    }
    await this.#shape({
      instrumentations: Object.fromEntries(
        Object.entries(this.best.shape.instrumentations).filter(([label]) => used.has(label)),
      ),
    });
    for (const simpler of [
      { stores: 1 },
      { confirmsDurably: true },
      { holes: false },
      { thorough: false },
      { spoolSecondsMax: 900 },
      { headCellsMax: 1_000_000 },
    ]) {
      await this.#shape(simpler);
    }
    for (const label of Object.keys(this.best.shape.instrumentations)) {
      for (const simpler of [
        { by: [] },
        { grid: COUNT },
        { scope: 'interval' as const },
        { everySeconds: 1 },
        { keepSeconds: 1_000_000 },
      ]) {
        const { instrumentations } = this.best.shape;
        await this.#shape({
          instrumentations: { ...instrumentations, [label]: { ...instrumentations[label]!, ...simpler } },
        });
      }
      const { instrumentations } = this.best.shape;
      const { keepLevels: _kept, ...without } = instrumentations[label]!;
      await this.#shape({ instrumentations: { ...instrumentations, [label]: without } });
    }
  }

  async simplerSteps(): Promise<void> {
    for (let at = this.best.steps.length - 1; at >= 0; at--) {
      for (;;) {
        const found = await this.#firstThatFails(at);
        if (!found) break;
      }
    }
  }

  async #firstThatFails(at: number): Promise<boolean> {
    for (const simpler of simplerThan(this.best.steps[at]!)) {
      if (await this.#try({ ...this.best, steps: this.best.steps.with(at, simpler) })) return true;
    }
    return false;
  }

  #reports(simpler: (report: ReportStep) => ReportStep): Promise<boolean> {
    const steps = this.best.steps.map((step) =>
      'reports' in step ? { ...step, reports: step.reports.map(simpler) } : step,
    );
    return this.#try({ ...this.best, steps });
  }

  #shape(part: Partial<Case['shape']>): Promise<boolean> {
    return this.#try({ ...this.best, shape: { ...this.best.shape, ...part } });
  }

  /** Keeps the smaller case where it fails too. */
  async #try(smaller: Case): Promise<boolean> {
    if (this.isOver || JSON.stringify(smaller) === JSON.stringify(this.best)) return false;
    this.#runs++;
    if (!(await this.#fails(smaller))) return false;
    this.best = smaller;
    return true;
  }
}

function secondsOf(step: Step): number {
  return step.do === 'pass' ? step.seconds : 0;
}

function labelsOf(step: Step): string[] {
  if ('reports' in step) return step.reports.map(({ of }) => of);
  return 'of' in step ? [step.of] : [];
}

/** Speaks of one instrumentation alone. */
function aboutOne(step: Step, label: string): Step {
  if (!('reports' in step)) return step;
  return { ...step, reports: step.reports.slice(0, 1).map((report) => ({ ...report, of: label })) };
}

/** What says less, the least first. Each is smaller in a way that ends. */
function* simplerThan(step: Step): Generator<Step> {
  if ('reports' in step) {
    if (step.reports.length > 0) yield { ...step, reports: [] };
    for (const [i, report] of step.reports.entries()) {
      if (step.reports.length > 1) yield { ...step, reports: [report] };
      if (report.rows.length > 0) {
        yield { ...step, reports: step.reports.with(i, { ...report, rows: [] }) };
      }
      if (report.rows.length > 1) {
        yield { ...step, reports: step.reports.with(i, { ...report, rows: report.rows.slice(0, 1) }) };
      }
      const simple = report.rows.map((): [number, number, number] => [0, 0, 1]);
      if (report.rows.some(([key, bucket, count]) => key > 0 || bucket > 0 || count > 1)) {
        yield { ...step, reports: step.reports.with(i, { ...report, rows: simple }) };
      }
      const { partial, odd, ...plain } = report;
      if (partial === true || odd !== undefined) yield { ...step, reports: step.reports.with(i, plain) };
    }
  }
  if (step.do === 'pass') {
    for (const seconds of [1, step.seconds >> 1, step.seconds - 1]) {
      if (seconds >= 1 && seconds < step.seconds) yield { ...step, seconds };
    }
  }
  if ('nth' in step && step.nth > 0) yield { ...step, nth: step.nth - 1 };
  if ('found' in step && step.found > 0 && step.found < 1) yield { ...step, found: 0 };
  if ('entries' in step && step.entries < 1000) yield { ...step, entries: 1000 };
  if ('backSeconds' in step && step.backSeconds > 0) {
    for (const backSeconds of [0, step.backSeconds >> 1, step.backSeconds - 1]) {
      if (backSeconds < step.backSeconds) yield { ...step, backSeconds };
    }
  }
}
