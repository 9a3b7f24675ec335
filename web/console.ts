/** The page: one statement, asked once a second, shown. Owns what happens in which order; draws no data. */
import type { Answer, HeatmapAnswer, Problem } from './answer.ts';
import { askIntegerFields, askNumbers, askPicture, run } from './client.ts';
import { byId, countText } from './dom.ts';
import { Instrumentations } from './instrumentations.ts';
import { listenToKeys } from './keys.ts';
import { Legend } from './legend.ts';
import { Live } from './live.ts';
import { hideNotice, showNotice } from './notice.ts';
import type { Turn } from './pace.ts';
import { Picture } from './picture.ts';
import { PlacePanel } from './place-panel.ts';
import { exclude, isFiltered, isolate, keyLiteral, showAll } from './query-text.ts';
import { QueryLine } from './query-line.ts';
import { Status } from './status.ts';
import { showTable } from './table.ts';
import { currentTheme, followTheme } from './theme.ts';

const FIRST_QUERY = 'http.requests by route, latency last 3m';
/** The frame follows the window when it has come to rest. */
const RESIZE_MS = 120;

const frame = byId('frame', HTMLElement);
const table = byId('table', HTMLElement);
const pauseButton = byId('pause', HTMLButtonElement);
const picture = new Picture(frame);
const places = new PlacePanel(byId('place', HTMLElement), picture, {
  statement: () => (shown === '' ? undefined : shown),
  look: () => picture.look(currentTheme()),
  open: (text) => ask(text),
});
const status = new Status();
const instrumentations = new Instrumentations();
const line = new QueryLine((text) => ask(text));
const live = new Live(takeTurn);
const legend = new Legend(byId('legend', HTMLElement), {
  isolate: (key) => void filter(isolate, key),
  exclude: (key) => void filter(exclude, key),
  showAll: () => ask(showAll(shown)),
});

/** The statement that is asked, and the one whose answer is on the screen. */
let query = '';
let shown = '';
/** What its hues are by. */
let shownHues: { readonly metric: string; readonly hueFields: readonly string[] } = {
  metric: '',
  hueFields: [],
};
/** Of the numbers on the screen; undefined when the next answer must be shown whatever it is. */
let etag: string | undefined;

/** Rewrites the statement on the screen for one of its hues, and runs it. */
async function filter(rewrite: (text: string, key: string) => string, key: readonly string[]): Promise<void> {
  const { metric, hueFields } = shownHues;
  const text = shown;
  const reply = await askIntegerFields(new AbortController().signal);
  const integers = reply.kind === 'fresh' ? reply.body : new Set<string>();
  ask(
    rewrite(
      text,
      keyLiteral(key, (field) => integers.has(`${metric} ${hueFields[field]}`)),
    ),
  );
}

/** Runs another statement, and puts it where it can be copied from and gone back to. */
function ask(text: string): void {
  if (text === '') return line.focus();
  const hash = `#q=${encodeURIComponent(text)}`;
  if (location.hash !== hash) history.pushState(null, '', hash);
  begin(text);
}

function begin(text: string): void {
  if (text !== shown) places.close();
  query = text;
  line.text = text;
  etag = undefined;
  status.liveness('waiting');
  live.now();
}

/** One question and its answer, to the screen. */
async function takeTurn(signal: AbortSignal): Promise<Turn> {
  const theme = currentTheme();
  const numbers = await askNumbers(query, picture.look(theme), etag, signal);
  switch (numbers.kind) {
    case 'same':
      status.took(numbers.serverMs);
      settle();
      return { kind: 'same' };
    case 'away':
      return away();
    case 'problem':
      return refused(numbers.problem, numbers.retryAfterMs);
    case 'fresh':
      break;
  }
  const answer = numbers.body;
  if (answer === undefined) {
    return refused(
      {
        status: 0,
        code: 'UNKNOWN_KIND',
        title: 'The server answered in a form this page does not know',
        detail: '',
        errors: [],
        offer: undefined,
      },
      undefined,
    );
  }
  const another = query !== shown;
  if (answer.kind === 'heatmap') {
    if (another) picture.forget();
    const drawn = await picture.load(theme, (look) => askPicture(query, look, signal));
    if (signal.aborted && drawn.kind === 'fresh') URL.revokeObjectURL(drawn.body.url);
    signal.throwIfAborted();
    if (drawn.kind === 'problem') return refused(drawn.problem, drawn.retryAfterMs);
    if (drawn.kind !== 'fresh') return away();
    if (another) legend.clear();
    picture.show(drawn.body, pictureAlt(answer));
    legend.show(answer, isFiltered(query));
    shownHues = answer;
  } else {
    showTable(table, answer);
    legend.clear();
  }
  etag = numbers.etag;
  shown = query;
  showKind(answer.kind);
  status.show(answer, numbers.serverMs);
  settle();
  return { kind: 'fresh' };
}

/** An answer is on the screen. */
function settle(): void {
  hideNotice();
  line.clearErrors();
  frame.classList.remove('stale');
  status.liveness(live.paused ? 'paused' : 'live');
}

function showKind(kind: Answer['kind']): void {
  frame.dataset['kind'] = kind;
  table.hidden = kind !== 'table';
  if (kind === 'table') picture.clear();
  else table.replaceChildren();
}

function away(): Turn {
  frame.classList.add('stale');
  status.liveness('away');
  showNotice({ title: 'The server is away', detail: 'Trying again until it is back.' });
  return { kind: 'away' };
}

function refused(problem: Problem, retryAfterMs: number | undefined): Turn {
  frame.classList.add('stale');
  etag = undefined;
  if (problem.status === 429 || problem.status === 503) {
    status.liveness('busy');
    showNotice({
      title: problem.title,
      detail: `${problem.detail}${problem.detail === '' ? '' : '. '}Trying again.`,
    });
    return { kind: 'busy', retryAfterMs };
  }
  status.liveness(problem.offer === undefined ? 'wrong' : 'unmeasured');
  if (problem.errors.length > 0) {
    hideNotice();
    line.showProblem(problem);
    return { kind: 'wrong' };
  }
  const { offer } = problem;
  showNotice({
    title: problem.title,
    detail: problem.detail,
    offer: offer === undefined ? undefined : { statement: offer, accept: () => void accept(offer) },
  });
  return { kind: offer === undefined && problem.status < 500 ? 'wrong' : 'refused' };
}

/** Runs the statement that the server offered, then asks again. */
async function accept(statement: string): Promise<void> {
  showNotice({ title: 'Asking the sources to measure this', detail: statement });
  const reply = await run(statement, new AbortController().signal);
  if (reply.kind === 'problem') {
    return showNotice({ title: reply.problem.title, detail: reply.problem.detail });
  }
  void instrumentations.refresh();
  live.now();
}

function pictureAlt({ metric, hueFields, total }: HeatmapAnswer): string {
  const by = hueFields.length === 0 ? '' : ` by ${hueFields.join(', ')}`;
  return `Heatmap of ${metric}${by}, ${countText(total)} counted`;
}

function togglePause(): void {
  if (live.paused) live.resume();
  else live.pause();
  pauseButton.textContent = live.paused ? 'resume' : 'pause';
  pauseButton.setAttribute('aria-pressed', String(live.paused));
  status.liveness(live.paused ? 'paused' : 'live');
}

/** The statement that the address names: after its `#`, or, as a person may write it, after its `?`. */
function queryOfAddress(): string {
  const [written, asked] = [location.hash.slice(1), location.search].map((part) =>
    new URLSearchParams(part).get('q')?.trim(),
  );
  return written || asked || '';
}

function refreshAll(): void {
  etag = undefined;
  live.now();
}

function start(): void {
  const help = byId('help', HTMLDialogElement);
  const { toggle } = followTheme(refreshAll);
  pauseButton.addEventListener('click', togglePause);
  byId('help-open', HTMLButtonElement).addEventListener('click', () => help.showModal());
  listenToKeys({
    pause: togglePause,
    focus: () => line.focus(),
    help: () => (help.open ? help.close() : help.showModal()),
    theme: toggle,
    hue: (index, without) => {
      const key = legend.key(index);
      if (key !== undefined) void filter(without ? exclude : isolate, key);
    },
    showAll: () => ask(showAll(shown)),
  });
  addEventListener('popstate', () => begin(queryOfAddress() || FIRST_QUERY));
  followSize();
  setInterval(() => status.tick(), 1000);
  instrumentations.start();
  begin(queryOfAddress() || FIRST_QUERY);
}

function followSize(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let size = `${frame.clientWidth}x${frame.clientHeight}`;
  new ResizeObserver(() => {
    const now = `${frame.clientWidth}x${frame.clientHeight}`;
    if (now === size) return;
    size = now;
    clearTimeout(timer);
    timer = setTimeout(refreshAll, RESIZE_MS);
  }).observe(frame);
}

start();
