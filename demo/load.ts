/** The demo's visitors: an open-loop load at a constant seeded rate, in a process of its own, so that neither
 *  its client nor its work shows in the shop.
 *
 *  Coordinated omission: request n is sent at start + n / rate, whether or not earlier ones were answered. A
 *  stall is met by all who arrive in it, not by the one who waits. At most IN_FLIGHT_MAX are open; who comes
 *  beyond is turned away and counted as `refused`, never sent late.
 *
 *  Started by main.ts with an IPC channel; ends when that closes. */
import { Agent, request } from 'node:http';
import { BROKEN_EVERY, PRODUCTS, searchedWord, VISITED } from './catalogue.ts';
import { type Random, seededRandom, zipf } from './random.ts';

export interface LoadCounts {
  scheduled: number;
  /** Answers read to their end, whatever their status. */
  answered: number;
  /** Connections that failed. */
  failed: number;
  /** Not sent: too many were open. */
  refused: number;
}

const IN_FLIGHT_MAX = 256;
/** A tick sends what is due; the schedule is exact to this. */
const TICK_MS = 4;
/** Behind by more than this (the machine slept), the schedule starts anew: no flood. */
const BEHIND_MS_MAX = 2000;
const IDLE_MS = 30_000;

interface Visit {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
}

/** The mix of visits. Shares sum to 1. */
export function visits(random: Random): () => Visit {
  const popular = zipf(random, VISITED, 1.3);
  // Popularity is spread over the catalogue, so that it says nothing about a product's section.
  const product = (): number => (popular() * 7919 + 13) % PRODUCTS;
  return () => {
    const share = random.next();
    if (share < 0.006) return { method: 'GET', path: `/products/${PRODUCTS + random.below(1000)}` };
    if (share < 0.01) return { method: 'GET', path: `/products/${brokenProduct(random)}` };
    if (share < 0.89) return { method: 'GET', path: `/products/${product()}` };
    if (share < 0.96) {
      return { method: 'GET', path: `/search?q=${searchedWord(random)}&after=${random.below(PRODUCTS / 4)}` };
    }
    if (share < 0.975) {
      const body = JSON.stringify({ product: product(), quantity: 1 + random.below(4) });
      return { method: 'POST', path: '/checkout', body };
    }
    if (share < 0.976) return { method: 'GET', path: '/reports/daily' };
    return { method: 'GET', path: '/health' };
  };
}

function brokenProduct(random: Random): number {
  return (1 + random.below(PRODUCTS / BROKEN_EVERY)) * BROKEN_EVERY - 1;
}

export interface LoadOptions {
  readonly port: number;
  readonly perSecond: number;
  readonly seed: number;
}

/** Starts the load; the counts are updated in place. Never ends by itself. */
export function startLoad(options: LoadOptions, counts: LoadCounts): () => void {
  const { port, perSecond, seed } = options;
  const nextVisit = visits(seededRandom(seed));
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT_MAX, timeout: IDLE_MS });
  let inFlight = 0;
  const send = ({ method, path, body }: Visit): void => {
    inFlight++;
    let ended = false;
    const end = (outcome: 'answered' | 'failed'): void => {
      if (ended) return;
      ended = true;
      inFlight--;
      counts[outcome]++;
    };
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request({ host: '127.0.0.1', port, method, path, agent, headers }, (incoming) => {
      incoming.on('end', () => end('answered')).on('error', () => end('failed'));
      incoming.resume();
    });
    outgoing.on('error', () => end('failed')).end(body);
  };
  let startMs = performance.now();
  let due = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    const until = Math.floor(((now - startMs) / 1000) * perSecond);
    if (((until - due) / perSecond) * 1000 > BEHIND_MS_MAX) {
      startMs = now;
      due = 0;
      return;
    }
    for (; due < until; due++) {
      const visit = nextVisit();
      counts.scheduled++;
      if (inFlight < IN_FLIGHT_MAX) send(visit);
      else counts.refused++;
    }
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    agent.destroy();
  };
}
