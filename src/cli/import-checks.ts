/** What must hold around an import: that what takes the rows keeps them, and that a query counts them afterwards. */
import type { Instrumentation } from '../model/instrumentation.ts';
import { finestKept, keepSecondsMax, type Retention } from '../model/level.ts';
import type { InstrumentStatement } from '../query/ast.ts';
import { instantText } from '../query/moment.ts';
import { printStatement } from '../query/print.ts';
import { secondsText } from '../query/unit.ts';
import { CommandFailure, EXIT, type Target } from './client.ts';
import { countedBy } from './server-json.ts';

const DAY_SECONDS = 86_400;
/** Imported history stays at least this long where nothing else is said. */
const STAYS_DAYS = 30;
/** As long as the language lets anything be kept. */
const KEEP_DAYS_MAX = 3650;
/** An import takes a while, and what is oldest must outlast it. */
const MARGIN_SECONDS = 3600;
/** The longest range of a query is 400 days. */
const CHECK_SECONDS = 300 * DAY_SECONDS;

/** The statement with what it leaves open: kept long enough for the oldest second and a month more, never idle. */
export function chosenStatement(
  statement: InstrumentStatement,
  oldestSecond: number,
  nowSecond: number,
): string {
  const { span } = statement;
  const days = Math.min(daysFor(oldestSecond, nowSecond) + STAYS_DAYS, KEEP_DAYS_MAX);
  return printStatement({
    ...statement,
    keep: statement.keep ?? { value: days, unit: 'd', span },
    idle: statement.idle ?? { span },
  });
}

/** What a person should know of how long the rows are kept, '' for nothing. Throws CommandFailure where the oldest
 *  are past all retention: nothing is lost silently. */
export function checkKept(
  kept: Retention & { readonly id?: string },
  oldestSecond: number,
  nowSecond: number,
): string {
  const ageSeconds = nowSecond - oldestSecond + MARGIN_SECONDS;
  const { id, keepSeconds } = kept;
  const oldest = instantText(oldestSecond);
  if (ageSeconds > keepSecondsMax(kept)) {
    const days = daysFor(oldestSecond, nowSecond);
    const what = id === undefined ? 'this' : `"${id}"`;
    const longest = secondsText(keepSecondsMax(kept));
    throw new CommandFailure(
      EXIT.refused,
      `Cannot import from ${oldest} on: ${what} keeps nothing longer than ${longest}; ${remedy(id, days)}`,
    );
  }
  if (ageSeconds <= keepSeconds) return '';
  const level = finestKept(kept, oldestSecond, nowSecond) ?? 3600;
  return `seconds are kept for ${secondsText(keepSeconds)}: what is older, back to ${oldest}, is kept in steps of ${secondsText(level)} or longer`;
}

function remedy(id: string | undefined, days: number): string {
  if (days > KEEP_DAYS_MAX)
    return `nothing can be kept longer than ${KEEP_DAYS_MAX} days: leave out what is older`;
  return id === undefined
    ? `say "keep ${days}d" in --as`
    : `a keep of ${days}d would do, which a new instrumentation gets: import as another metric (what "${id}" has given up does not come back)`;
}

function daysFor(oldestSecond: number, nowSecond: number): number {
  return Math.ceil((nowSecond - oldestSecond + MARGIN_SECONDS) / DAY_SECONDS);
}

export interface Expected {
  readonly statement: InstrumentStatement;
  readonly instrumentation: Instrumentation;
  readonly oldestSecond: number;
  readonly newestSecond: number;
  /** At least so much must be counted there. */
  readonly counted: number;
}

/** Asks as a person would. Throws CommandFailure where the store counts less than was imported. */
export async function checkCounted(
  target: Target,
  expected: Expected,
  say: (line: string) => void,
): Promise<void> {
  const { statement, instrumentation, oldestSecond, newestSecond, counted } = expected;
  if (instrumentation.scope !== 'interval') return;
  const { metric, where, by, span } = statement;
  const read = printStatement({
    kind: 'read',
    metric,
    ...(where === undefined ? {} : { where }),
    by,
    stages: [],
    span,
  });
  const endSecond = newestSecond + instrumentation.everySeconds;
  let total = 0;
  for (let from = oldestSecond; from < endSecond; from += CHECK_SECONDS) {
    const to = Math.min(from + CHECK_SECONDS, endSecond);
    const answer = await countedBy(target, `${read} from ${instantText(from)} to ${instantText(to)} | count`);
    if (answer.instrumentation !== instrumentation.id) {
      return say(
        `"${read}" is answered by "${answer.instrumentation}", not by "${instrumentation.id}": drop one of them, or import as another metric`,
      );
    }
    total += answer.total;
  }
  if (total >= counted) return;
  throw new CommandFailure(
    EXIT.refused,
    `"${instrumentation.id}" counts ${total} of the ${counted} that were imported: was it imported before and dropped, or is its retention over? What was taken once is not taken again; --anew WORD makes it another import`,
  );
}
