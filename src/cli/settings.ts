/** Settings of `serve`: defaults < file < environment < flags, merged and validated once, all faults at once.
 *  Unknown keys are faults. What comes out is plain, frozen and complete: nothing below reads argv, the
 *  environment or this file again. */
import { readFileSync } from 'node:fs';
import { availableParallelism, homedir, hostname } from 'node:os';
import { join } from 'node:path';
import Type from 'typebox';
import Value from 'typebox/value';
import type { ScrapeTarget } from '../ingest/prometheus/target.ts';
import { readSourceLimits, type SourceLimits } from '../model/source-limits.ts';
import { statsdAddress } from '../ingest/statsd/address.ts';
import { SIZE_UNITS } from '../query/unit.ts';
import { AGGREGATORS_MAX } from '../service/ownership.ts';

/** The name is a field's value and part of a source's name. */
const SCRAPE_PATTERN = '^[A-Za-z][A-Za-z0-9_.-]{0,63}=https?://[^\\s,]+(,every=[1-9][0-9]{0,2}s)?$';

const Schema = Type.Object(
  {
    listen: Type.String({ minLength: 1, description: 'address to listen on' }),
    port: Type.Integer({ minimum: 0, maximum: 65_535, description: 'TCP port; 0 takes a free one' }),
    data: Type.String({ minLength: 1, description: 'directory of log, store and spool' }),
    log: Type.String({
      pattern: '^(file$|amqps?://)',
      description: '"file", or amqp://user:secret@host/vhost',
    }),
    kernel: Type.Union([Type.Literal('native'), Type.Literal('reference')]),
    aggregators: Type.Integer({
      minimum: 1,
      maximum: AGGREGATORS_MAX,
      description: 'worker threads; fixed per data',
    }),
    host: Type.String({ minLength: 1, maxLength: 200, description: 'name of this host in the data' }),
    socket: Type.String({ description: 'unix socket for measured Node programs' }),
    budget: Type.String({
      pattern: '^(never|\\d+(\\.\\d+)?%)$',
      description: 'what measuring may cost each source, of one core, such as 2%; "never" refuses nothing',
    }),
    only: Type.String({
      description: 'what is measured here at most, such as cgroup=/shop,uid=1000; "" for everything',
    }),
    statsd: Type.String({ description: 'host:port where StatsD clients send; "" for nowhere' }),
    token: Type.String({ description: 'bearer token demanded of every request' }),
    insecure: Type.Boolean({ description: 'listen beyond loopback without a token' }),
    instrument: Type.Array(Type.String(), { description: '`instrument` statements to hold at start' }),
    lookup: Type.Array(Type.String({ pattern: '^[^=]+=.+$' }), {
      description: 'tables that name keys: NAME=FILE.csv, a value and its name in each row',
    }),
    geo: Type.String({
      description: 'a geolocation file that names addresses (.mmdb, of cities or countries); "" for none',
    }),
    scrape: Type.Array(Type.String({ pattern: SCRAPE_PATTERN }), {
      maxItems: 256,
      description: 'Prometheus targets: NAME=URL, or NAME=URL,every=15s',
    }),
    logKeepHours: Type.Number({ minimum: 0, description: 'log files are kept this long for replay' }),
    dataMax: Type.String({
      pattern: `^$|^\\d+(\\.\\d+)?(${Object.keys(SIZE_UNITS).join('|')})$`,
      description: 'what the data directory may take, such as 20GiB; "" for 80 % of its file system',
    }),
    demo: Type.Boolean({ description: 'start the demo shop and measure it' }),
  },
  { additionalProperties: false },
);

export type Settings = Readonly<Type.Static<typeof Schema>>;
export type PartialSettings = { readonly [name in keyof Settings]?: unknown };

export class SettingsError extends Error {
  readonly code = 'SETTINGS';
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

/** Undefined where the setting says none. */
export function dataMaxBytes({ dataMax }: Pick<Settings, 'dataMax'>): number | undefined {
  const [, number, unit] = /^([\d.]+)(\D+)$/.exec(dataMax) ?? [];
  const size = Object.entries(SIZE_UNITS).find(([name]) => name === unit);
  return number === undefined || size === undefined ? undefined : Math.floor(Number(number) * size[1]);
}

/** Of one core; undefined where nothing is refused. */
export function cpuShareMax({ budget }: Pick<Settings, 'budget'>): number | undefined {
  return budget === 'never' ? undefined : Number.parseFloat(budget) / 100;
}

/** Undefined where the setting says none. */
export function sourceLimits({ only }: Pick<Settings, 'only'>): SourceLimits | undefined {
  const limits = readSourceLimits(only);
  return typeof limits === 'string' ? undefined : limits;
}

export function scrapeTargets({ scrape }: Pick<Settings, 'scrape'>): ScrapeTarget[] {
  return scrape.map((text) => {
    const [, name = '', url = '', every = '1'] = /^([^=]+)=([^,]+)(?:,every=(\d+)s)?$/.exec(text) ?? [];
    return { name, url, everySeconds: Number(every) };
  });
}

export interface SettingsSources {
  readonly file?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags: PartialSettings;
}

/** Throws SettingsError with one line per fault: source, name, what was found and expected. */
export function readSettings({ file, environment, flags }: SettingsSources): Settings {
  const layers: Layer[] = [
    ...(file === undefined ? [] : [{ name: `file "${file}"`, values: fileValues(file) }]),
    { name: 'environment', values: environmentValues(environment) },
    { name: 'command line', values: flags as Record<string, unknown> },
  ];
  const defaults = defaultSettings(environment, layers);
  const merged: Record<string, unknown> = { ...defaults };
  const origin: Record<string, string> = {};
  for (const { name, values } of layers) {
    for (const [key, value] of Object.entries(values)) {
      if (value === undefined) continue;
      merged[key] = value;
      origin[key] = name;
    }
  }
  const faults = [...schemaFaults(merged, origin), ...ruleFaults(merged)];
  if (faults.length > 0) throw new SettingsError(faults);
  return Object.freeze(merged as unknown as Settings);
}

interface Layer {
  readonly name: string;
  readonly values: Record<string, unknown>;
}

function defaultSettings(
  environment: Readonly<Record<string, string | undefined>>,
  layers: readonly Layer[],
): Record<string, unknown> {
  const demo = layers.some((l) => l.values['demo'] === true);
  const state = environment['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  return {
    listen: '127.0.0.1',
    port: 8124,
    data: join(state, 'tailglow', demo ? 'demo' : 'default'),
    log: 'file',
    kernel: 'native',
    aggregators: Math.min(availableParallelism(), 4),
    host: hostname(),
    socket: '',
    budget: '20%',
    only: '',
    statsd: '',
    token: '',
    insecure: false,
    instrument: [],
    lookup: [],
    geo: '',
    scrape: [],
    logKeepHours: 24,
    dataMax: '',
    demo: false,
  };
}

function fileValues(file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    throw new Error('expected a JSON object');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SettingsError([`Cannot read settings file "${file}": ${why}`]);
  }
}

/** TAILGLOW_LOG_KEEP_HOURS=48 sets logKeepHours. Lists are JSON. */
function environmentValues(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, property] of Object.entries(Schema.properties)) {
    const text = environment[`TAILGLOW_${key.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`];
    if (text !== undefined) values[key] = fromText(text, property);
  }
  return values;
}

function fromText(text: string, property: unknown): unknown {
  const { type } = property as { type?: string };
  if (type === 'integer' || type === 'number') return text.trim() === '' ? text : Number(text);
  if (type === 'boolean')
    return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;
  if (type !== 'array') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function schemaFaults(merged: Record<string, unknown>, origin: Record<string, string>): string[] {
  const known = new Set(Object.keys(Schema.properties));
  const unknown = Object.keys(merged)
    .filter((key) => !known.has(key))
    .map((key) => `${origin[key]}: unknown setting "${key}"; known are ${[...known].join(', ')}`);
  const wrong = new Set<string>();
  for (const error of Value.Errors(Schema, merged)) {
    const key = error.instancePath.split('/')[1] ?? '';
    if (!known.has(key)) continue;
    wrong.add(
      `${origin[key] ?? 'default'}: ${key} is ${JSON.stringify(merged[key])}, which ${error.message}`,
    );
  }
  return [...unknown, ...wrong];
}

function ruleFaults(merged: Record<string, unknown>): string[] {
  const { listen, token, insecure, only, statsd } = merged;
  const limits = typeof only === 'string' ? readSourceLimits(only) : undefined;
  const faults = [
    ...(typeof limits === 'string' ? [`only: ${limits}`] : []),
    ...scrapeFaults(merged['scrape']),
  ];
  if (typeof listen === 'string' && !isLoopback(listen) && token === '' && insecure !== true)
    faults.push(
      `listen is "${listen}", which others can reach: set a token (TAILGLOW_TOKEN), or say --insecure if you mean it`,
    );
  if (typeof statsd !== 'string' || statsd === '') return faults;
  const address = statsdAddress(statsd);
  if (address === undefined) faults.push(`statsd is "${statsd}", expected host:port, :port or host`);
  else if (!isLoopback(address.host) && insecure !== true)
    faults.push(
      `statsd is "${statsd}", which others can reach, and StatsD knows no token: say --insecure if you mean it`,
    );
  return faults;
}

function scrapeFaults(scrape: unknown): string[] {
  if (!Array.isArray(scrape) || !scrape.every((text) => typeof text === 'string')) return [];
  const targets = scrapeTargets({ scrape });
  const odd = targets.filter(({ url }) => !URL.canParse(url) || new URL(url).username !== '');
  const twice = targets.filter(({ name }, i) => targets.findIndex((other) => other.name === name) !== i);
  return [
    ...odd.map(({ name, url }) => `scrape "${name}": "${url}" is no URL, or has a user in it`),
    ...twice.map(({ name }) => `scrape "${name}" is there twice`),
  ];
}

function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || address.startsWith('127.');
}
