/** Sizes in settings: what the data directory may take. */
import { describe, expect, it } from 'vitest';
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
