/** The demo's shop: a small real web server whose latency has structure worth looking at. Owns routes, page
 *  cache and housekeeping; the work itself is the warehouse's. It knows nothing of who measures it.
 *
 *  What there is to see, all of it the consequence of work: pages from memory and pages from the database (two
 *  bands), searches slower by a multiple while their index is rebuilt (a hump), orders that wait for the disk,
 *  a report that takes its turns with everyone, a repricing that holds the price list and lets every customer
 *  wait (a spike), and now and then a page that does not exist or whose data are broken. */
import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Desk } from './desk.ts';
import { Served } from './served.ts';
import type { ProductPage } from './warehouse.ts';

/** Pages in memory. */
const CACHED_PAGES_MAX = 500;
const INDEX_FIRST_MS = 7000;
const INDEX_EVERY_MS = 15_000;
/** Between slices of the index, so that it takes its 4 s without starving anyone. */
const INDEX_SLICE_EVERY_MS = 100;
const REPRICE_FIRST_MS = 13_000;
const REPRICE_EVERY_MS = 20_000;
/** Longer than a load generator lets a connection idle: the client closes first, so none is cut in use. */
const KEEP_ALIVE_MS = 120_000;
/** A receipt's signature is dear on purpose: some 15 ms in the thread pool. */
const SIGNATURE_ROUNDS = 40_000;

const sign = promisify(pbkdf2);

/** Lets all wait while one holds it. */
class Latch {
  #held: Promise<void> | undefined;

  async hold(work: () => Promise<unknown>): Promise<void> {
    const held = work().then(
      () => undefined,
      () => undefined,
    );
    this.#held = held;
    await held;
    if (this.#held === held) this.#held = undefined;
  }

  /** Undefined when nobody holds it, so that the usual case costs no turn of the loop. */
  free(): Promise<void> | undefined {
    return this.#held;
  }
}

/** The least recently read page goes first. */
class PageCache {
  readonly #pages = new Map<number, ProductPage>();

  get(id: number): ProductPage | undefined {
    const page = this.#pages.get(id);
    if (page === undefined) return undefined;
    this.#pages.delete(id);
    this.#pages.set(id, page);
    return page;
  }

  set(id: number, page: ProductPage): void {
    this.#pages.set(id, page);
    if (this.#pages.size > CACHED_PAGES_MAX) this.#pages.delete(this.#pages.keys().next().value!);
  }
}

const integer = { type: 'integer', minimum: 0 } as const;

export interface ShopOptions {
  /** Rebuild the index and the prices now and then. Off in tests that want to ask for them. */
  readonly housekeeping: boolean;
  /** What the load says of itself, told with the served counts. */
  readonly load?: () => unknown;
}

/** A shop that is ready to listen, or to be injected. Closing it closes the desk. */
export function buildShop(desk: Desk, options: ShopOptions): FastifyInstance {
  const shop = Fastify({ keepAliveTimeout: KEEP_ALIVE_MS, forceCloseConnections: true });
  const prices = new Latch();
  const served = new Served();
  shop.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url ?? '(none)';
    reply.raw.once('finish', () => served.add(route, Date.now()));
    done();
  });
  addSales(shop, desk, prices);
  addOffice(shop, desk, served, options);
  const timers = options.housekeeping ? startHousekeeping(desk, prices) : [];
  shop.addHook('onClose', async () => {
    for (const stop of timers) stop();
    await desk.close();
  });
  return shop;
}

function addSales(shop: FastifyInstance, desk: Desk, prices: Latch): void {
  const cache = new PageCache();
  shop.get<{ Params: { id: number } }>(
    '/products/:id',
    { schema: { params: { type: 'object', properties: { id: integer } } } },
    async (request, reply) => {
      const { id } = request.params;
      const wait = prices.free();
      if (wait !== undefined) await wait;
      const cached = cache.get(id);
      if (cached !== undefined) return cached;
      const page = await desk.ask('product', { id });
      if (page === undefined) return reply.code(404).send({ message: `no product ${id}` });
      cache.set(id, page);
      return page;
    },
  );
  shop.get<{ Querystring: { q: string; after: number } }>(
    '/search',
    {
      schema: {
        querystring: {
          type: 'object',
          required: ['q'],
          properties: {
            q: { type: 'string', minLength: 2, maxLength: 40 },
            after: { ...integer, default: 0 },
          },
        },
      },
    },
    async (request) => {
      const { q, after } = request.query;
      await prices.free();
      return desk.ask('search', { word: q, after });
    },
  );
  shop.post<{ Body: { product: number; quantity: number } }>(
    '/checkout',
    {
      schema: {
        body: {
          type: 'object',
          required: ['product', 'quantity'],
          properties: { product: integer, quantity: { type: 'integer', minimum: 1, maximum: 100 } },
        },
      },
    },
    async (request, reply) => {
      await prices.free();
      const { order } = await desk.ask('reserve', request.body);
      const receipt = await sign(`${order}`, 'shop', SIGNATURE_ROUNDS, 32, 'sha256');
      await desk.ask('confirm', { order, receipt: receipt.toString('hex') });
      return reply.code(201).send({ order, receipt: receipt.toString('hex') });
    },
  );
}

function addOffice(shop: FastifyInstance, desk: Desk, served: Served, options: ShopOptions): void {
  shop.get('/health', async () => ({ ok: true }));
  shop.get('/reports/daily', async () => {
    const digests: string[] = [];
    for (let fromProduct = 0, ended = false; !ended;) {
      const part = await desk.ask('report', { fromProduct });
      digests.push(part.digest);
      fromProduct = part.nextProduct;
      ended = part.ended;
    }
    return { parts: digests.length, digest: digests.at(-1) };
  });
  shop.get<{ Querystring: { from: number; until: number } }>(
    '/__served',
    {
      schema: {
        querystring: {
          type: 'object',
          properties: {
            from: { ...integer, default: 0 },
            until: { ...integer, default: Number.MAX_SAFE_INTEGER },
          },
        },
      },
    },
    async (request) => ({
      seconds: served.between(request.query.from, request.query.until),
      load: options.load?.() ?? null,
    }),
  );
}

type Stop = () => void;

function startHousekeeping(desk: Desk, prices: Latch): Stop[] {
  return [
    every(INDEX_FIRST_MS, INDEX_EVERY_MS, () => rebuildIndex(desk)),
    every(REPRICE_FIRST_MS, REPRICE_EVERY_MS, () => prices.hold(() => desk.ask('reprice', undefined))),
  ];
}

async function rebuildIndex(desk: Desk): Promise<void> {
  await desk.ask('indexClear', undefined);
  for (let ended = false; !ended;) {
    await new Promise<void>((resolve) => setTimeout(resolve, INDEX_SLICE_EVERY_MS).unref());
    ({ ended } = await desk.ask('indexSlice', undefined));
  }
}

/** Runs `chore` at a constant pace; a chore that fails is tried again at its next turn. */
function every(firstMs: number, everyMs: number, chore: () => Promise<void>): Stop {
  let timer: NodeJS.Timeout;
  const run = (): void => {
    timer = setTimeout(run, everyMs).unref();
    chore().catch(() => undefined);
  };
  timer = setTimeout(run, firstMs).unref();
  return () => clearTimeout(timer);
}
