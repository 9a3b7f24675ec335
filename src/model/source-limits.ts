/** What a source may speak of at most: a setting of who runs it, which nothing that is asked from above can widen. Each
 *  kind that is named must hold, by any of its values. Pure. */
import type { MetricDescription } from './metric.ts';
import { fieldOf } from './metric.ts';
import { conjuncts, type Predicate } from './predicate.ts';

export interface SourceLimits {
  /** Paths: those, and all below them. */
  readonly cgroups: readonly string[];
  readonly uids: readonly number[];
  /** Ids, or the beginnings of ids. */
  readonly containers: readonly string[];
}

/** What is known of a process. */
export interface Tenant {
  readonly uid: number | undefined;
  /** One of each hierarchy. */
  readonly cgroups: readonly string[];
}

const CONTAINER = /^[0-9a-f]{6,64}$/;
/** Of an id, the field `container` has the first digits, as tools show it. */
const CONTAINER_FIELD_DIGITS = 12;
const UID_MAX = 4_294_967_294;

/** `cgroup=/shop,uid=1000`: undefined where it says none; a text that says what is wrong with it. */
export function readSourceLimits(text: string): SourceLimits | undefined | string {
  const limits = { cgroups: [] as string[], uids: [] as number[], containers: [] as string[] };
  if (text.trim() === '') return undefined;
  for (const part of text.split(',')) {
    const [, kind, value] = /^\s*(\w+)=(.*?)\s*$/.exec(part) ?? [];
    if (kind === 'cgroup' && value!.startsWith('/')) limits.cgroups.push(value!.replace(/(.)\/+$/, '$1'));
    else if (kind === 'uid' && /^\d+$/.test(value!) && Number(value) <= UID_MAX)
      limits.uids.push(Number(value));
    else if (kind === 'container' && CONTAINER.test(value!)) limits.containers.push(value!);
    else {
      return `found ${JSON.stringify(part.trim())}, expected cgroup=/PATH, uid=NUMBER or container=ID, with commas between`;
    }
  }
  return limits;
}

export function limitsText({ cgroups, uids, containers }: SourceLimits): string {
  const parts = [
    ...cgroups.map((path) => `cgroup=${path}`),
    ...uids.map((uid) => `uid=${uid}`),
    ...containers.map((id) => `container=${id}`),
  ];
  return parts.join(',');
}

/** Whether the process is within the limits. What is not known of it is not. */
export function admits({ cgroups, uids, containers }: SourceLimits, tenant: Tenant): boolean {
  const { uid } = tenant;
  const isBelow = (path: string): boolean =>
    cgroups.some((limit) => limit === '/' || path === limit || path.startsWith(`${limit}/`));
  const isIn = (path: string): boolean =>
    path.split('/').some((segment) => containers.some((id) => containerOf(segment)?.startsWith(id) === true));
  return (
    (uids.length === 0 || (uid !== undefined && uids.includes(uid))) &&
    (cgroups.length === 0 || tenant.cgroups.some(isBelow)) &&
    (containers.length === 0 || tenant.cgroups.some(isIn))
  );
}

/** docker-ID.scope, cri-containerd-ID.scope, libpod-ID.scope, or the id by itself. */
function containerOf(segment: string): string | undefined {
  return /(?:^|-)([0-9a-f]{64})(?:\.scope)?$/.exec(segment)?.[1];
}

/** What must hold of every event that is counted, in the fields `uid`, `cgroup` and `container`, which must be the
 *  kernel's word. A field that the metric lacks and the limits need is given back by its name instead. */
export function limitPredicate(limits: SourceLimits, metric: MetricDescription): Predicate | string {
  const { cgroups, uids, containers } = limits;
  const lacks = [
    ...(uids.length > 0 ? ['uid'] : []),
    ...(cgroups.length > 0 ? ['cgroup'] : []),
    ...(containers.length > 0 ? ['container'] : []),
  ].find((field) => fieldOf(metric, field) === undefined);
  if (lacks !== undefined) return lacks;
  const terms: Predicate[] = [];
  if (uids.length > 0) terms.push({ op: 'in', field: 'uid', values: uids });
  if (cgroups.length > 0) terms.push(any(cgroups.map(cgroupTerm)));
  if (containers.length > 0) {
    const prefixes = containers.map((id) => id.slice(0, CONTAINER_FIELD_DIGITS));
    terms.push(any(prefixes.map((value): Predicate => ({ op: 'prefix', field: 'container', value }))));
  }
  return { op: 'and', terms };
}

function cgroupTerm(path: string): Predicate {
  if (path === '/') return { op: 'prefix', field: 'cgroup', value: '/' };
  return any([
    { op: 'eq', field: 'cgroup', value: path },
    { op: 'prefix', field: 'cgroup', value: `${path}/` },
  ]);
}

function any(terms: readonly Predicate[]): Predicate {
  return terms.length === 1 ? terms[0]! : { op: 'or', terms };
}

/** The predicate with the limit above it. */
export function narrowed(where: Predicate | undefined, limit: Predicate): Predicate {
  return { op: 'and', terms: [...conjuncts(limit), ...(where === undefined ? [] : [where])] };
}
