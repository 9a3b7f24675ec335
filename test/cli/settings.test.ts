/** What settings mean: sizes, addresses. */
import { describe, expect, it } from 'vitest';
import { statsdAddress } from '../../src/ingest/statsd/address.ts';
import { dataMaxBytes, readSettings, SettingsError } from '../../src/cli/settings.ts';

describe('the budget of the data directory', () => {
  it.each([
    ['', undefined],
    ['20GiB', 20 * 2 ** 30],
    ['1.5TB', 1.5e12],
    ['900MB', 900e6],
  ])('"%s" is read', (dataMax, bytes) => {
    const settings = readSettings({ environment: { TAILGLOW_DATA_MAX: dataMax }, flags: {} });
    expect(dataMaxBytes(settings)).toBe(bytes);
  });

  it.each(['20', 'GiB', '20 GiB', '20GIB', '-1GiB', '1.GiB'])(
    '"%s" is a fault that names the flag',
    (dataMax) => {
      const read = (): unknown => readSettings({ environment: {}, flags: { dataMax } });
      expect(read).toThrow(SettingsError);
      expect(read).toThrow(`command line: dataMax is ${JSON.stringify(dataMax)}`);
    },
  );
});

describe('where StatsD clients send', () => {
  it.each([
    [':9125', { host: '127.0.0.1', port: 9125 }],
    ['localhost', { host: 'localhost', port: 8125 }],
    ['[::1]:8126', { host: '::1', port: 8126 }],
    ['10.0.0.7:8125', { host: '10.0.0.7', port: 8125 }],
  ])('"%s" is read', (text, address) => {
    expect(statsdAddress(text)).toEqual(address);
  });

  it.each([
    ['10.0.0.7:8125', 'StatsD knows no token'],
    ['127.0.0.1:99999', 'expected host:port'],
    ['a b', 'expected host:port'],
  ])('"%s" is a fault', (statsd, why) => {
    expect(() => readSettings({ environment: {}, flags: { statsd } })).toThrow(why);
  });

  it('may be others than this host where one insists', () => {
    const settings = readSettings({ environment: {}, flags: { statsd: '10.0.0.7', insecure: true } });
    expect(settings.statsd).toBe('10.0.0.7');
  });
});
