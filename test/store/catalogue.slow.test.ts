/** The catalogue: the same in any batches and after any crash; lives, metrics and their conflicts by example. */
import fc from 'fast-check';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import type { ControlEvent } from '../../src/model/control.ts';
import type { Level } from '../../src/model/level.ts';
import type { MetricDescription } from '../../src/model/metric.ts';
import type { Pin } from '../../src/model/pin.ts';
import { type Catalogue, openCatalogue } from '../../src/store/catalogue.ts';
import { partitionPaths } from '../../src/store/partitions.ts';
import { openStore } from '../../src/store/store.ts';
import { StoreVersionError } from '../../src/store/store-errors.ts';
import { arbitraryControlEvent } from '../arbitrary/control.ts';
import { TemporaryDirectories } from '../sim/directory.ts';
import { payloadOf } from '../sim/entries.ts';
import { HandLog, requests, START } from './reports.ts';

const directories = new TemporaryDirectories();
afterEach(() => directories.removeAll());

const newPath = (): string => join(directories.make(), 'catalogue.db');

function contents(catalogue: Catalogue) {
  return {
    instrumentations: catalogue.instrumentations(),
    expired: catalogue.expired(),
    pins: catalogue.pins(),
    dropped: catalogue.dropped(),
    metrics: catalogue.metrics(),
    conflicts: catalogue.conflicts(),
    hosts: catalogue.hosts(),
  };
}

function metric(name: string, more: Partial<MetricDescription> = {}): MetricDescription {
  return { name, label: name, unit: 'ops', scope: 'interval', fields: [], cost: 'none', ...more };
}

function pinned(more: Partial<Pin> = {}): ControlEvent {
  const range = { fromSecond: START, untilSecond: START + 60, createdSecond: START + 70 };
  return { kind: 'range-pinned', pin: { id: 'incident', instrumentation: 'requests', ...range, ...more } };
}

/** Control events among reports; a few names, so that lives meet. */
const arbitraryLog = fc
  .array(
    fc.oneof(
      arbitraryControlEvent.map((event) => payloadOf({ kind: 'control', event })),
      fc.constantFrom('requests', 'errors').map((id) => {
        return payloadOf({
          kind: 'control',
          event: { kind: 'instrumentation-created', instrumentation: requests({ id }) },
        });
      }),
      fc
        .record({
          kind: fc.constantFrom(
            'instrumentation-paused' as const,
            'instrumentation-resumed' as const,
            'instrumentation-expired' as const,
            'instrumentation-dropped' as const,
          ),
          id: fc.constantFrom('requests', 'errors'),
        })
        .map((event) => payloadOf({ kind: 'control', event })),
      fc
        .record({ id: fc.constantFrom('a', 'b'), instrumentation: fc.constantFrom('requests', 'errors') })
        .map((pin) => payloadOf({ kind: 'control', event: pinned(pin) })),
      fc.constantFrom('a', 'b').map((id) => {
        return payloadOf({ kind: 'control', event: { kind: 'range-unpinned', id } });
      }),
      fc.constant(payloadOf({ kind: 'batches', batches: [] })),
      fc.constant(Uint8Array.of(2, 0x7b)),
    ),
    { maxLength: 30 },
  )
  .map((payloads) =>
    payloads.map((payload, offset) => ({ offset, arrivedMs: (START + offset) * 1000, payload })),
  );

describe('the catalogue', () => {
  it('is the same however the log is cut, and wherever it was closed', () => {
    fc.assert(
      fc.property(arbitraryLog, fc.integer({ min: 1, max: 7 }), fc.nat(30), (entries, size, stop) => {
        const whole = openCatalogue(newPath());
        whole.fold(entries);
        const path = newPath();
        const first = openCatalogue(path);
        for (let i = 0; i < stop; i += size) first.fold(entries.slice(i, Math.min(stop, i + size)));
        first.close();
        const second = openCatalogue(path);
        expect(second.resumeOffset).toBeLessThanOrEqual(stop);
        second.fold(entries.slice(second.resumeOffset));
        expect(contents(second)).toEqual(contents(whole));
        second.close();
        whole.close();
      }),
      { numRuns: 25 },
    );
  });

  it('knows who lives, who expired, who was dropped', () => {
    const log = new HandLog();
    log.create(requests());
    log.create(requests({ id: 'errors' }));
    log.create(requests({ id: 'slow' }));
    log.control({ kind: 'instrumentation-expired', id: 'errors' }, START + 7);
    log.control({ kind: 'instrumentation-dropped', id: 'slow' });
    log.control({ kind: 'instrumentation-changed', id: 'requests', keepSeconds: 5, idleSeconds: 6 });
    const catalogue = openCatalogue(newPath());
    catalogue.fold(log.entries);
    expect(catalogue.instrumentations()).toMatchObject([{ id: 'requests', keepSeconds: 5, idleSeconds: 6 }]);
    expect(catalogue.expired()).toMatchObject([
      { instrumentation: { id: 'errors' }, expiredSecond: START + 7 },
    ]);
    expect(catalogue.dropped()).toEqual(['slow']);
    expect(catalogue.resumeOffset).toBe(6);
    catalogue.close();
  });

  it('knows what is pinned; it goes with the history that it is of', () => {
    const log = new HandLog();
    const catalogue = openCatalogue(newPath());
    const events = [pinned({ instrumentation: 'never' }), pinned(), pinned({ id: 'second' })];
    catalogue.fold([log.create(requests()), log.create(requests({ id: 'errors' }))]);
    catalogue.fold(events.map((event) => log.control(event)));
    catalogue.fold([log.control(pinned({ id: 'third', instrumentation: 'errors' }))]);
    expect(catalogue.pins().map((pin) => pin.id)).toEqual(['incident', 'second', 'third']);
    expect(catalogue.faults().map((fault) => fault.text)).toEqual([
      'Cannot take "range-pinned": no instrumentation "never" is known',
    ]);
    const before = catalogue.pins();
    catalogue.fold([log.report(START, [])]);
    expect(catalogue.pins()).toBe(before);
    catalogue.fold([log.control({ kind: 'range-unpinned', id: 'incident' })]);
    catalogue.fold([log.control({ kind: 'range-unpinned', id: 'incident' })]);
    expect(catalogue.faults()).toHaveLength(2);
    catalogue.fold([log.control({ kind: 'instrumentation-dropped', id: 'errors' })]);
    expect(catalogue.pins().map((pin) => pin.id)).toEqual(['second']);
    catalogue.close();
  });

  it('forgets an expired one after its longest retention, and not while it is pinned', () => {
    const log = new HandLog();
    const catalogue = openCatalogue(newPath());
    const keepLevels = [10, 60, 600, 3600].map((level) => ({ level: level as Level, keepSeconds: level }));
    for (const id of ['plain', 'held']) log.create(requests({ id, keepSeconds: 10, keepLevels }));
    log.control(pinned({ instrumentation: 'held' }));
    for (const id of ['plain', 'held']) log.control({ kind: 'instrumentation-expired', id }, START);
    catalogue.fold(log.entries);
    const expired = (): string[] => catalogue.expired().map((life) => life.instrumentation.id);
    const touch = (second: number): void =>
      catalogue.fold([log.control({ kind: 'instrumentation-created', instrumentation: requests() }, second)]);
    touch(START + 3600);
    expect(expired()).toEqual(['plain', 'held']);
    touch(START + 3601);
    expect(expired()).toEqual(['held']);
    touch(START + 86_400);
    expect(expired()).toEqual(['held']);
    catalogue.fold([log.control({ kind: 'range-unpinned', id: 'incident' }, START + 86_401)]);
    touch(START + 86_402);
    expect(expired()).toEqual([]);
    catalogue.close();
  });

  it('keeps levels of retention until they are changed', () => {
    const log = new HandLog();
    const catalogue = openCatalogue(newPath());
    const keepLevels = [{ level: 60, keepSeconds: 7200 }] as const;
    catalogue.fold([log.create(requests({ keepLevels }))]);
    expect(catalogue.instrumentations()).toMatchObject([{ keepLevels }]);
    const change = {
      kind: 'instrumentation-changed',
      id: 'requests',
      keepSeconds: 5,
      idleSeconds: 6,
    } as const;
    catalogue.fold([log.control({ ...change, keepLevels: [{ level: 10, keepSeconds: 1 }] })]);
    expect(catalogue.instrumentations()).toMatchObject([{ keepLevels: [{ level: 10, keepSeconds: 1 }] }]);
    catalogue.fold([log.control(change)]);
    expect(catalogue.instrumentations()[0]).not.toHaveProperty('keepLevels');
    catalogue.close();
  });

  it('gives the same array until something changes', () => {
    const log = new HandLog();
    const catalogue = openCatalogue(newPath());
    catalogue.fold([log.create(requests())]);
    const before = [catalogue.instrumentations(), catalogue.metrics()];
    catalogue.fold([log.report(START, [])]);
    expect(catalogue.instrumentations()).toBe(before[0]);
    expect(catalogue.metrics()).toBe(before[1]);
    catalogue.fold([log.create(requests({ id: 'errors' }))]);
    expect(catalogue.instrumentations()).not.toBe(before[0]);
    catalogue.close();
  });

  it('offers what any host offers, keeps the first of two descriptions and says where they differ', () => {
    const log = new HandLog();
    const online = (host: string, metrics: MetricDescription[]): void => {
      log.control({ kind: 'instrumenter-online', host, metrics });
    };
    online('a', [metric('disk.io'), metric('cpu.time')]);
    online('b', [
      metric('disk.io', { unit: 'B' }),
      metric('net.bytes'),
      metric('cpu.time', { cost: 'some' }),
    ]);
    const catalogue = openCatalogue(newPath());
    catalogue.fold(log.entries);
    expect(catalogue.metrics().map((m) => `${m.name} ${m.unit}`)).toEqual([
      'cpu.time ops',
      'disk.io ops',
      'net.bytes ops',
    ]);
    expect(catalogue.conflicts()).toEqual([{ metric: 'disk.io', keptFrom: 'a', host: 'b' }]);
    online('a', [metric('disk.io', { unit: 'B' })]);
    catalogue.fold(log.entries);
    expect(catalogue.metrics().map((m) => `${m.name} ${m.unit}`)).toEqual([
      'cpu.time ops',
      'disk.io B',
      'net.bytes ops',
    ]);
    expect(catalogue.conflicts()).toEqual([]);
    catalogue.close();
  });

  it('takes what it can and names what it cannot', () => {
    const log = new HandLog();
    log.bytes(Uint8Array.of(2, 0x7b));
    log.create(requests({ id: 'no spaces' }));
    log.control({ kind: 'instrumentation-dropped', id: 'never' });
    log.create(requests());
    const catalogue = openCatalogue(newPath());
    catalogue.fold(log.entries);
    expect(catalogue.instrumentations()).toHaveLength(1);
    expect(catalogue.faults().map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect(catalogue.faults()[1]!.text).toBe(
      'Cannot take "instrumentation-created": "no spaces" is no name of an instrumentation',
    );
    catalogue.close();
  });

  it('begins another log at its first entry, and keeps what it knows', () => {
    const path = newPath();
    const log = new HandLog();
    log.create(requests());
    const first = openCatalogue(path, 'one');
    first.fold(log.entries);
    expect(first.resumeOffset).toBe(1);
    first.close();
    const second = openCatalogue(path, 'two');
    expect(second.resumeOffset).toBe(0);
    expect(second.instrumentations()).toHaveLength(1);
    second.close();
  });

  it('commits its position now and then, though nothing changes', () => {
    const log = new HandLog();
    const catalogue = openCatalogue(newPath());
    for (let i = 0; i < 1500; i++) catalogue.fold([log.report(START + i, [])]);
    expect(catalogue.resumeOffset).toBe(1024);
    catalogue.close();
  });

  it('does not open a file of another kind', () => {
    const directory = directories.make();
    const store = openStore({ directory, kernel: referenceKernel, owns: () => true, logIdentity: 'log' });
    const log = new HandLog();
    store.fold([log.create(requests())]);
    store.checkpoint();
    store.close();
    expect(() => openCatalogue(partitionPaths(directory)[0]!)).toThrow(StoreVersionError);
  });
});
