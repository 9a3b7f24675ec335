/** Where addresses are, from files in MaxMind's own format. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Geo, GeoFileError } from '../../src/service/transform/geo.ts';
import { MovableClock } from './house.ts';
import { mmdbOf, type MmdbSpec, type MmdbValue } from './mmdb.ts';

const directory = mkdtempSync(join(tmpdir(), 'tailglow-geo-'));
afterAll(() => rmSync(directory, { recursive: true }));
const path = join(directory, 'places.mmdb');

function place(country?: string, city?: string): MmdbValue {
  return {
    continent: { code: 'EU', names: { en: 'Europe' } },
    ...(city === undefined ? {} : { city: { geoname_id: 1, names: { de: 'anders', en: city } } }),
    ...(country === undefined ? {} : { country: { iso_code: 'XX', names: { en: country } } }),
  };
}

const spec: MmdbSpec = {
  type: 'GeoLite2-City',
  ipVersion: 6,
  networks: {
    '81.2.69.0/24': place('United Kingdom', 'London'),
    '89.160.0.0/12': place('Sweden'),
    '2001:db8:1::/48': place('Japan', 'Ōsaka, a city whose name needs more than 29 bytes'),
    '203.0.113.0/24': { country: { iso_code: 'NZ' } },
    '198.51.100.0/24': place(),
  },
};

function open(bytes: Buffer, clock = new MovableClock(0), notices: string[] = []): Geo {
  writeFileSync(path, bytes);
  return new Geo({ path, clock, notice: (line) => void notices.push(line) });
}

const nameOf = (geo: Geo, value: string): string | null => geo.named([value]).names[value]!;

describe('a geolocation file', () => {
  it('names addresses of both kinds by city and country, as far as it says', () => {
    const geo = open(mmdbOf(spec));
    const names = {
      '81.2.69.142': 'London, United Kingdom',
      '::ffff:81.2.69.142': 'London, United Kingdom',
      '89.175.255.255': 'Sweden',
      '2001:db8:1::7': 'Ōsaka, a city whose name needs more than 29 bytes, Japan',
      '203.0.113.9': 'NZ',
      '198.51.100.1': null,
      '89.176.0.0': null,
      '2001:db8:2::1': null,
      'web1.example': null,
      '': null,
      __proto__x: null,
    };
    expect(geo.named(Object.keys(names))).toEqual({ names, pending: [] });
  });

  it('knows each address that is in it, and no other', () => {
    const address = fc.oneof(
      fc
        .tuple(fc.integer({ min: 1, max: 255 }), fc.nat(255), fc.nat(3))
        .map(([a, b, c]) => `${a}.${b}.0.${c}/32`),
      fc
        .tuple(fc.integer({ min: 1, max: 0xffff }), fc.nat(3))
        .map(([a, b]) => `2001:${a.toString(16)}::${b + 1}/128`),
    );
    fc.assert(
      fc.property(fc.uniqueArray(address, { minLength: 1, maxLength: 20 }), address, (networks, other) => {
        const geo = open(
          mmdbOf({
            ...spec,
            type: 'DBIP-Country-Lite',
            networks: Object.fromEntries(networks.map((network) => [network, place(`of ${network}`)])),
          }),
        );
        for (const network of new Set([...networks, other])) {
          const known = networks.includes(network) ? `of ${network}` : null;
          expect([network, nameOf(geo, network.split('/')[0]!)]).toEqual([network, known]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('of IPv4 alone has no name for IPv6', () => {
    const geo = open(
      mmdbOf({ type: 'GeoLite2-Country', ipVersion: 4, networks: { '10.0.0.0/8': place('Here') } }),
    );
    expect(geo.named(['10.1.2.3', '2001:db8::1', '11.0.0.1']).names).toEqual({
      '10.1.2.3': 'Here',
      '2001:db8::1': null,
      '11.0.0.1': null,
    });
  });

  it.each([
    ['is not there', undefined, /ENOENT/],
    ['is another thing', Buffer.from('value,name\n'), /it is no MaxMind database/],
    ['is empty', Buffer.alloc(0), /it is no MaxMind database/],
    ['lost its end', mmdbOf(spec).subarray(0, -200), /it is no MaxMind database/],
    ['lost its start', mmdbOf(spec).subarray(100), /its tree does not end at byte \d+, where it says/],
    [
      'is of networks',
      mmdbOf({ ...spec, type: 'GeoLite2-ASN' }),
      /it is a GeoLite2-ASN database, expected one of cities or countries$/,
    ],
  ])('that %s is refused at the start', (_, bytes, message) => {
    rmSync(path, { force: true });
    const opened = (): Geo =>
      bytes === undefined ? new Geo({ path, clock: new MovableClock(0), notice: () => {} }) : open(bytes);
    expect(opened).toThrow(GeoFileError);
    expect(opened).toThrow(message);
    expect(opened).toThrow(`Cannot read the geolocation file "${path}"`);
  });

  it('survives any byte that is wrong: an address has a name or none', () => {
    const whole = mmdbOf(spec);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const bytes = Buffer.from(whole);
        bytes[at] = byte;
        let geo: Geo;
        try {
          geo = open(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(GeoFileError);
          return;
        }
        const { names } = geo.named(['81.2.69.142', '2001:db8:1::7']);
        for (const name of Object.values(names)) expect(name === null || typeof name === 'string').toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('is read anew when it changes, while the old one answers; a broken one leaves it in place', async () => {
    const clock = new MovableClock(0);
    const notices: string[] = [];
    const geo = open(mmdbOf(spec), clock, notices);
    const replace = (bytes: Buffer): void => {
      writeFileSync(`${path}.new`, bytes);
      renameSync(`${path}.new`, path);
    };
    replace(mmdbOf({ ...spec, networks: { '81.2.69.0/24': place('Wales', 'Cardiff') } }));
    expect(nameOf(geo, '81.2.69.142')).toBe('London, United Kingdom');
    clock.ms += 10_000;
    expect(nameOf(geo, '81.2.69.142')).toBe('London, United Kingdom');
    await geo.settled();
    expect(nameOf(geo, '81.2.69.142')).toBe('Cardiff, Wales');
    for (const broken of [Buffer.from('half a file'), Buffer.from('half a file')]) {
      if (notices.length === 0) replace(broken);
      clock.ms += 10_000;
      geo.named([]);
      await geo.settled();
      expect(nameOf(geo, '81.2.69.142')).toBe('Cardiff, Wales');
    }
    expect(notices).toEqual([
      expect.stringMatching(/^Cannot read the geolocation file .*; the one before goes on to answer$/),
    ]);
  });
});
