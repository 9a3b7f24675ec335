import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LineFormat, readLine, recogniseLine } from '../../../src/ingest/tail/access-line.ts';

const record = (format: LineFormat, text: string): Readonly<Record<string, unknown>> => {
  const read = readLine(format, text);
  if ('fault' in read) throw new Error(read.fault);
  return read.record;
};

const NGINX =
  '10.0.0.9 - anna [28/Nov/2026:16:29:34 +0100] "GET /users/42/orders?x=1 HTTP/1.1" 200 512 "-" "Mozilla/5.0 (\\"x\\")"';

describe('a line of an access log', () => {
  it('is read as nginx and Apache write it', () => {
    expect(record('combined', `${NGINX} rt=0.048`)).toMatchObject({
      time: '2026-11-28T16:29:34+01:00',
      method: 'GET',
      route: '/users/:id/orders',
      status: '200',
      bytes: '512',
      latency: '0.048s',
    });
    const latency = (rest: string): unknown => record('combined', `${NGINX}${rest}`)['latency'];
    expect(latency(' 48211')).toBe('48211us');
    expect(latency(' 0.048')).toBe('0.048s');
    expect(latency(' urt=0.001 rt=12')).toBe('12s');
    expect(latency(' "request_time=0.5" gzip')).toBe('0.5s');
    expect(latency(' duration=48ms')).toBe('48ms');
    expect(latency('')).toBeUndefined();
    expect(record('combined', '::1 - - [28/Nov/2026:16:29:34 +0000] "\\x16\\x03" 400 -')).toMatchObject({
      method: '',
      route: '',
      status: '400',
    });
    expect(record('combined', NGINX.replace('GET /users/42', 'GET http://a.b/users/42'))['route']).toBe(
      '/users/:id/orders',
    );
  });

  it('is read from JSON under the names that servers use', () => {
    expect(
      record(
        'json',
        '{"time_iso8601":"2026-11-28T16:29:34+00:00","request_uri":"/a/7","request_time":"0.048","status":"200"}',
      ),
    ).toMatchObject({ time: '2026-11-28T16:29:34+00:00', route: '/a/:id', latency: '0.048s', status: '200' });
    expect(
      record(
        'json',
        '{"time":1795883374123,"req":{"method":"GET","url":"/a"},"res":{"statusCode":503},"responseTime":12}',
      ),
    ).toMatchObject({ time: 1795883374123, method: 'GET', route: '/a', status: 503, latency: '12ms' });
    expect(
      record(
        'json',
        '{"time_local":"28/Nov/2026:16:29:34 +0000","request":"GET /x/1 HTTP/1.1","latency":"48ms"}',
      ),
    ).toMatchObject({ time: '2026-11-28T16:29:34+00:00', method: 'GET', route: '/x/:id', latency: '48ms' });
    expect(record('json', '{"ts":1,"latency":5,"queue":"a"}')).toMatchObject({ latency: 5, queue: 'a' });
  });

  it('that cannot be read says what was found and expected', () => {
    expect(readLine('combined', 'nonsense')).toEqual({
      fault: 'it is "nonsense", expected a line of the combined format',
    });
    expect(readLine('combined', NGINX.replace('Nov', 'Nox'))).toMatchObject({
      fault: expect.stringContaining('28/Nox'),
    });
    expect(readLine('json', '[1]')).toMatchObject({
      fault: expect.stringContaining('expected a JSON object'),
    });
    expect(readLine('json', '{"a"')).toMatchObject({ fault: expect.stringContaining('expected JSON') });
  });

  it('of any text is read or refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json(), fc.constant(NGINX)),
        fc.nat(80),
        fc.string(),
        (text, at, more) => {
          const mutated = text.slice(0, at) + more + text.slice(at);
          for (const format of ['combined', 'json'] as const) readLine(format, mutated);
          expect(recogniseLine(mutated)).toMatch(/json|combined/);
        },
      ),
    );
  });
});
