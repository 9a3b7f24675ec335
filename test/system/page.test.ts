/** The page in a real browser, against the real server and its demo. What a stranger sees in the first seconds,
 *  what a mistake looks like, and that the picture keeps up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createCanvas, loadImage } from '@napi-rs/canvas';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

const BROWSER_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let data: string;
let server: ChildProcess;
let url: string;
let browser: Browser;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'tailglow-page-'));
  url = await startServer('0');
  browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: BROWSER_ARGUMENTS,
  });
});
afterAll(async () => {
  await browser?.close();
  await stopServer();
  await rm(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
});

async function startServer(port: string): Promise<string> {
  server = spawn(
    process.execPath,
    [
      'dist/src/cli/main.js',
      'serve',
      '--demo',
      '--port',
      port,
      '--data',
      data,
      '--socket',
      join(data, 'socket'),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  for await (const line of createInterface({ input: server.stdout! })) {
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(line);
    if (found !== null) return found[0];
  }
  throw new Error('the server ended before it said where it is');
}

async function stopServer(): Promise<void> {
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await ended;
}

/** Pages of the present test, with everything that the browser complained of. */
const open: { page: Page; complaints: string[] }[] = [];

afterEach(async () => {
  for (const { page } of open.splice(0)) await page.context().close();
});

async function openPage(
  hash = '',
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    colorScheme: 'dark',
    ...options,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  const opened = { page, complaints };
  open.push(opened);
  await page.goto(`${url}/${hash === '' ? '' : `#q=${encodeURIComponent(hash)}`}`);
  return opened;
}

async function waitForState(page: Page, wanted: string, timeout = 15_000): Promise<void> {
  await page.locator('#state', { hasText: wanted }).waitFor({ timeout });
}

/** Families of colours in the picture that enough pixels have: each 30 degrees of hue is one. */
async function huesShown(page: Page): Promise<number> {
  if ((await page.locator('#frame img').count()) === 0) return 0;
  const image = await loadImage(await page.locator('#frame').screenshot());
  const context = createCanvas(image.width, image.height).getContext('2d');
  context.drawImage(image, 0, 0);
  const { data: rgba } = context.getImageData(0, 0, image.width, image.height);
  const families = new Map<number, number>();
  for (let i = 0; i < rgba.length; i += 4) {
    const family = hueFamily(rgba[i]!, rgba[i + 1]!, rgba[i + 2]!);
    if (family !== undefined) families.set(family, (families.get(family) ?? 0) + 1);
  }
  return [...families.values()].filter((pixels) => pixels >= 20).length;
}

function hueFamily(r: number, g: number, b: number): number | undefined {
  const [max, chroma] = [Math.max(r, g, b), Math.max(r, g, b) - Math.min(r, g, b)];
  if (chroma < 60) return undefined;
  const sector = max === r ? (g - b) / chroma : max === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
  return Math.floor(((sector * 60 + 360) % 360) / 30);
}

async function until<T>(
  probe: () => Promise<T>,
  enough: (value: T) => boolean,
  withinMs: number,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await probe();
    if (enough(value) || performance.now() > deadline) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The newest second on the screen, as seconds of the day. */
async function newestShown(page: Page): Promise<number> {
  const found = /^(\d\d):(\d\d):(\d\d)/.exec((await page.locator('#newest').textContent()) ?? '');
  return found === null ? Number.NaN : Number(found[1]) * 3600 + Number(found[2]) * 60 + Number(found[3]);
}
const secondOfDay = (): number => (Date.now() / 1000) % 86_400;

describe('at first sight', () => {
  test('several hues within 15 s, and the browser has nothing to complain of', async () => {
    const { page, complaints } = await openPage();
    expect(
      await until(
        () => huesShown(page),
        (hues) => hues >= 2,
        15_000,
      ),
    ).toBeGreaterThanOrEqual(2);
    await waitForState(page, 'live');
    expect(await page.inputValue('#query')).toContain('http.requests');
    expect(await page.locator('nav a').count()).toBe(5);
    // Legend, status and text come with the answer's numbers, a moment after its picture.
    const chips = page.locator('#legend button.chip');
    expect(
      await until(
        () => chips.count(),
        (n) => n >= 2,
        5_000,
      ),
    ).toBeGreaterThanOrEqual(2);
    expect(await page.locator('#sources').textContent()).toMatch(/^1 of 1/);
    expect(await page.locator('#frame img').getAttribute('alt')).toMatch(
      /^Heatmap of http\.requests by route, [\d,]+ counted$/,
    );
    await page.locator('.instrumentation[data-state="enabled"]').first().waitFor();
    expect(complaints).toEqual([]);
  });

  test('all of it without scrolling, and the picture as wide as the page', async () => {
    const { page } = await openPage();
    await page.locator('#frame img').waitFor();
    const bottom = async (selector: string): Promise<number> => {
      const { y, height } = (await page.locator(selector).boundingBox())!;
      return y + height;
    };
    expect(await bottom('#status')).toBeLessThan(800);
    expect(await bottom('#measured')).toBeLessThan(800);
    const image = (await page.locator('#frame img').boundingBox())!;
    const frame = (await page.locator('#frame').boundingBox())!;
    expect(image.width).toBeLessThanOrEqual(frame.width + 1);
    expect(image.width).toBeGreaterThan(frame.width - 14);
  });

  test('a telephone neither scrolls sideways nor loses the picture', async () => {
    const { page } = await openPage('', {
      viewport: { width: 390, height: 844 },
      deviceScaleFactor: 2,
      isMobile: true,
    });
    await page.locator('#frame img').waitFor();
    const scale = await page.evaluate<number>(
      `(() => { const image = document.querySelector('#frame img'); return image.naturalWidth / image.width; })()`,
    );
    expect(scale).toBe(2);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
  });
});

describe('pointing at the picture', () => {
  test('a click shows who made the cell, a drag what differs inside the box', async () => {
    const { page, complaints } = await openPage('http.requests by route, latency last 30s');
    await waitForState(page, 'live');
    const image = (await page.locator('#frame img').boundingBox())!;
    const at = (x: number, y: number): [number, number] => [
      image.x + image.width * x,
      image.y + image.height * y,
    ];
    await page.mouse.click(...at(0.9, 0.6));
    const panel = page.locator('#place');
    await panel.locator('th', { hasText: 'share elsewhere' }).waitFor();
    expect(await panel.locator('p').first().textContent()).toMatch(/^\d\d:\d\d:\d\d to .* counted/);
    await page.mouse.move(...at(0.5, 0.3));
    await page.mouse.down();
    await page.mouse.move(...at(0.9, 0.6), { steps: 4 });
    await page.locator('.picture .box').waitFor();
    await page.mouse.up();
    await panel.locator('th', { hasText: 'bits' }).waitFor();
    expect(await page.locator('.picture .box').count()).toBe(0);
    expect(await panel.locator('p').first().textContent()).toMatch(/ inside, .* outside; \d+ values tested/);
    await panel.getByRole('button', { name: 'open' }).click();
    await page.locator('#table th', { hasText: 'bits' }).waitFor();
    expect(await page.inputValue('#query')).toMatch(/\| compare from .* y /);
    expect(await panel.isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });
});

describe('the query line', () => {
  test('a typing mistake shows its place and what would be right', async () => {
    const { page } = await openPage();
    await waitForState(page, 'live');
    await page.keyboard.press('/');
    await page.keyboard.type('http.requests by rout, latency last 5m');
    await page.keyboard.press('Enter');
    await waitForState(page, 'not running');
    expect(await page.locator('#mirror mark').textContent()).toBe('rout');
    expect(await page.locator('#query').getAttribute('aria-invalid')).toBe('true');
    const line = (await page.locator('#mirror mark').boundingBox())!;
    const field = (await page.locator('#query').boundingBox())!;
    expect(line.y).toBeGreaterThanOrEqual(field.y);
    expect(line.y + line.height).toBeLessThanOrEqual(field.y + field.height);
    await page.locator('.suggestion').click();
    await waitForState(page, 'live');
    expect(await page.inputValue('#query')).toBe('http.requests by route, latency last 5m');
    expect(decodeURIComponent(new URL(page.url()).hash)).toBe('#q=http.requests by route, latency last 5m');
    expect(await page.locator('#mirror mark').count()).toBe(0);
  });

  test('every example runs, and Back returns', async () => {
    const { page, complaints } = await openPage();
    await waitForState(page, 'live');
    for (const link of await page.locator('nav a').all()) {
      const wanted = decodeURIComponent((await link.getAttribute('href'))!).replace('#q=', '');
      await link.click();
      await until(
        () => page.inputValue('#query'),
        (text) => text === wanted,
        2000,
      );
      await waitForState(page, 'live');
      expect(await page.inputValue('#query')).toBe(wanted);
      expect(await page.locator('#notice').isVisible()).toBe(false);
    }
    const last = await page.inputValue('#query');
    await page.goBack();
    await waitForState(page, 'live');
    expect(await page.inputValue('#query')).not.toBe(last);
    expect(complaints).toEqual([]);
  });

  test('a chip isolates its hue by rewriting the statement, with shift it excludes it', async () => {
    const { page } = await openPage('http.requests by status, latency last 3m');
    const chip = page.locator('#legend button.chip', { hasText: '200' });
    await chip.click();
    await page.locator('#legend .all').waitFor();
    expect(await page.inputValue('#query')).toBe(
      'http.requests by status, latency last 3m | heatmap isolate 200',
    );
    await waitForState(page, 'live');
    const all = page.locator('#legend .all');
    await all.click();
    // The legend is that of the answer before until the next one comes.
    await all.waitFor({ state: 'detached' });
    await chip.click({ modifiers: ['Shift'] });
    await page.locator('#legend .all').waitFor();
    expect(await page.inputValue('#query')).toBe(
      'http.requests by status, latency last 3m | heatmap exclude 200',
    );
    await chip.waitFor({ state: 'detached' });
    await waitForState(page, 'live');
  });

  test('what nobody measures is offered, and measured at a click', async () => {
    const { page } = await openPage('http.requests by host, latency last 1m');
    await waitForState(page, 'not measured');
    await page.locator('#notice code', { hasText: 'instrument http.requests by host' }).waitFor();
    await page.getByRole('button', { name: 'Measure this' }).click();
    await waitForState(page, 'live', 20_000);
    await until(
      () => page.locator('#total').textContent(),
      (text) => (text ?? '0') !== '0',
      15_000,
    );
    expect(Number((await page.locator('#total').textContent())!.replaceAll(',', ''))).toBeGreaterThan(0);
  });
});

describe('live', () => {
  test('the newest second keeps up', async () => {
    const { page } = await openPage();
    await waitForState(page, 'live');
    const behind: number[] = [];
    for (let i = 0; i < 100; i++) {
      behind.push(secondOfDay() - (await newestShown(page)));
      await page.waitForTimeout(100);
    }
    const middle = behind.toSorted((a, b) => a - b)[50]!;
    // A second that is shown ended a second after its start; what comes on top is the way to the screen.
    expect(middle).toBeGreaterThan(1);
    expect(middle).toBeLessThan(3.5);
  });

  test('space pauses and goes on', async () => {
    const { page } = await openPage();
    await waitForState(page, 'live');
    await page.keyboard.press(' ');
    await waitForState(page, 'paused');
    const at = await newestShown(page);
    const picture = await page.locator('#frame img').getAttribute('src');
    await page.waitForTimeout(3000);
    expect(await newestShown(page)).toBe(at);
    expect(await page.locator('#frame img').getAttribute('src')).toBe(picture);
    await page.keyboard.press(' ');
    await waitForState(page, 'live');
    expect(
      await until(
        () => newestShown(page),
        (newest) => newest > at,
        5000,
      ),
    ).toBeGreaterThan(at);
  });

  test("a theme of one's own is kept", async () => {
    const { page } = await openPage();
    const theme = (): Promise<string | null> => page.locator('html').getAttribute('data-theme');
    expect(await theme()).toBe('dark');
    await page.locator('#theme').click();
    expect(await theme()).toBe('light');
    await page.reload();
    expect(await theme()).toBe('light');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.locator('#frame img').waitFor();
    expect(await theme()).toBe('light');
  });

  test('a server that goes away is said to be away, and the page heals by itself', async () => {
    const { page } = await openPage();
    await waitForState(page, 'live');
    await stopServer();
    await waitForState(page, 'server away', 10_000);
    expect(await page.locator('#notice').textContent()).toContain('Trying again');
    expect(await page.locator('#frame img').count()).toBe(1);
    expect(await startServer(new URL(url).port)).toBe(url);
    await waitForState(page, 'live', 30_000);
    expect(await page.locator('#notice').isVisible()).toBe(false);
  });
});
