/** A pause, as whoever looks at the data sees it: seconds of which nobody was expected to speak. */
import { expect, it } from 'vitest';
import { openHouse, START_SECOND } from './house.ts';

it('is no absence: nobody is expected until a source reports again', async () => {
  const house = await openHouse();
  try {
    const ask = async (q: string) => {
      const headers = { host: 'localhost', 'content-type': 'text/plain' };
      const answer = await house.gateway.inject({
        method: 'POST',
        url: '/api/v1/query',
        headers,
        payload: q,
      });
      await house.folded();
      return answer.json();
    };
    await house.instrument('instrument http.requests by route, latency as requests');
    for (let s = 0; s < 5; s++) await house.report(START_SECOND + s, 'requests', { '/a': [1] });
    await ask('pause requests'); // in second 5
    house.clock.ms += 60_000;
    const q = `http.requests by latency from ${START_SECOND} to ${START_SECOND + 60} step 1s | count`;
    const whilePaused = await ask(q);
    expect(whilePaused.coverage.missing).toEqual([]);
    expect(whilePaused.coverage.reporting.slice(0, 7)).toEqual([1, 1, 1, 1, 1, -1, -1]);
    expect(whilePaused.notes.join()).toContain('"resume requests"');
    await ask('resume requests');
    house.clock.ms += 3_000;
    // Resumed, and its source is not there yet: it is not known that it will be.
    expect((await ask(q)).coverage.missing).toEqual([]);
    for (const s of [70, 71, 73]) await house.report(START_SECOND + s, 'requests', { '/a': [1] });
    const after = await ask(
      `http.requests by latency from ${START_SECOND + 60} to ${START_SECOND + 74} step 1s | count`,
    );
    expect(after.coverage.reporting).toEqual([-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 1, 0, 1]);
    expect(after.coverage.missing).toEqual([{ name: 'web1/node:shop[1]', seconds: 1 }]);
    expect(after.notes.join()).not.toContain('paused');
  } finally {
    await house.close();
  }
});
