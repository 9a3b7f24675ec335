/** Every peer, in the order in which they are measured and stand in the table. */
import { duckdb } from './duckdb.ts';
import { influxdb } from './influxdb.ts';
import type { Peer } from './peer.ts';
import { prometheus } from './prometheus.ts';
import { sqlite } from './sqlite.ts';
import { tailglow, tailglowMerged } from './tailglow.ts';
import { tailglowServer } from './tailglow-server.ts';
import { victoriaMetrics } from './victoria-metrics.ts';

export const PEERS: readonly Peer[] = [
  tailglow,
  tailglowMerged,
  duckdb,
  sqlite,
  tailglowServer,
  victoriaMetrics,
  prometheus,
  influxdb,
];
