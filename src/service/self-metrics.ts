/** /metrics: the system measured by itself, in Prometheus' text format. Gauges and counters are read off the
 *  roles at the moment of the scrape. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { sourceName } from '../model/batch.ts';
import type { GatewayContext } from './gateway-context.ts';
import { statuses } from './listing.ts';

export interface SelfMetrics {
  readonly contentType: string;
  text(): Promise<string>;
}

export function selfMetrics(context: GatewayContext): SelfMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'tailglow_' });
  const gauge: NewGauge = (name, help, labelNames) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const readMeasured = instrumentationGauges(gauge, context);
  const ready = gauge('tailglow_check_ok', '1 where the check of /readyz passes', ['check']);
  const folded = gauge('tailglow_folded_offset', 'Log offset of the last entry folded', ['aggregator']);
  const frontier = gauge('tailglow_frontier_age_seconds', 'Now minus the newest complete second', [
    'instrumentation',
  ]);
  const counters = gauge('tailglow_store', 'Counters of the store, by name', ['aggregator', 'counter']);
  const stored = gauge('tailglow_stored_bytes', 'Bytes of segments, by seconds of a step', [
    'aggregator',
    'step',
  ]);
  const stalled = gauge('tailglow_stalled', '1 where an aggregator folds nothing because the disk is full', [
    'aggregator',
  ]);
  const size = gauge('tailglow_data_bytes', 'Bytes of the data directory', ['part']);
  const budget = gauge('tailglow_data_budget_bytes', 'What the data directory may take', []);
  const given = gauge('tailglow_space_steps', 'Times that something was given up for the budget', []);
  const lag = gauge('tailglow_source_lag_seconds', 'Arrival minus end of the second reported', ['source']);
  const taken = gauge('tailglow_ingest_taken', 'Spans and points that others sent and that were taken', [
    'driver',
  ]);
  const dropped = gauge('tailglow_ingest_dropped', 'What others sent and that is not counted, by reason', [
    'driver',
    'reason',
  ]);
  return {
    contentType: registry.contentType,
    text: async () => {
      readMeasured();
      for (const check of context.checks()) ready.set({ check: check.name }, check.ok ? 1 : 0);
      for (const each of [folded, frontier, counters, lag, stored, stalled]) each.reset();
      const space = context.space?.();
      if (space !== undefined) {
        for (const [part, bytes] of Object.entries(space.sizes)) size.set({ part }, bytes);
        budget.set(space.budgetBytes);
        given.set(space.steps);
      }
      for (const { name, drops, takenCount } of context.received ?? []) {
        taken.set({ driver: name }, takenCount);
        for (const [reason, count] of drops.entries()) dropped.set({ driver: name, reason }, count);
      }
      const nowSecond = context.clock.nowMs() / 1000;
      for (const status of await statuses(context)) {
        const aggregator = String(status.aggregator);
        folded.set({ aggregator }, status.foldedOffset);
        stalled.set({ aggregator }, status.stalled === undefined ? 0 : 1);
        for (const { level, bytes } of status.stats.levels)
          stored.set({ aggregator, step: String(level) }, bytes);
        for (const [counter, value] of Object.entries(status.stats)) {
          if (typeof value === 'number') counters.set({ aggregator, counter }, value);
        }
        for (const f of status.frontiers) {
          frontier.set({ instrumentation: f.instrumentation }, nowSecond - f.second);
        }
        for (const s of status.sources) lag.set({ source: sourceName(s) }, s.lagMs / 1000);
      }
      return registry.metrics();
    },
  };
}

type NewGauge = <Label extends string>(name: string, help: string, labelNames: Label[]) => Gauge<Label>;

/** Of what is measured; gives what reads it off. */
function instrumentationGauges(gauge: NewGauge, context: GatewayContext): () => void {
  const living = gauge('tailglow_instrumentations', 'Instrumentations that live', []);
  const sources = gauge(
    'tailglow_instrumentation_sources',
    'Sources of an instrumentation, by what they say of it',
    ['instrumentation', 'state'],
  );
  const share = gauge(
    'tailglow_instrumentation_cpu_share',
    'Of one core, what an instrumentation costs the source that it costs most, estimated',
    ['instrumentation'],
  );
  const enabledAfter = gauge(
    'tailglow_instrumentation_enabled_after_seconds',
    'From being asked to measuring, at the source that took longest',
    ['instrumentation'],
  );
  return () => {
    living.set(context.configuration.instrumentations().length);
    for (const each of [sources, share, enabledAfter]) each.reset();
    for (const { id } of context.configuration.instrumentations()) {
      const states = context.states(id);
      for (const { state } of states) sources.inc({ instrumentation: id, state: state.state });
      const shares = states.flatMap(({ load }) => load?.cpuShare ?? []);
      if (shares.length > 0) share.set({ instrumentation: id }, Math.max(...shares));
      const times = states.flatMap(({ state }) =>
        state.state === 'enabled' ? (state.enabledAfterMs ?? []) : [],
      );
      if (times.length > 0) enabledAfter.set({ instrumentation: id }, Math.max(...times) / 1000);
    }
  };
}
