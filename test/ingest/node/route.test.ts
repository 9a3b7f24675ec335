import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routeOfPath } from '../../../src/ingest/node/route.ts';

describe('the route of a path', () => {
  it.each([
    ['/', '/'],
    ['', ''],
    ['*', '*'],
    ['/users', '/users'],
    ['/users?id=5#x', '/users'],
    ['/users#5', '/users'],
    ['/users/42', '/users/:id'],
    ['/users/42/orders/7', '/users/:id/orders/:id'],
    ['/api/v2/users/-1', '/api/v2/users/:id'],
    ['/days/2026-11-23', '/days/:id'],
    ['/items/6ba7b810-9dad-11d1-80b4-00c04fd430c8', '/items/:id'],
    ['/items/6BA7B810-9DAD-11D1-80B4-00C04FD430C8/', '/items/:id/'],
    ['/commits/1a2b3c4d', '/commits/:id'],
    ['/commits/da39a3ee5e6b4b0d3255bfef95601890afd80709', '/commits/:id'],
    ['/objects/507f1f77bcf86cd799439011', '/objects/:id'],
    ['/s/01ARZ3NDEKTSV4RRFFQ69G5FAV', '/s/:id'],
    ['/s/dQw4w9WgXcQ7x0aB_-9z', '/s/:id'],
    ['/assets/logo2x', '/assets/logo2x'],
    ['/facade', '/facade'],
    ['/deadbeef', '/deadbeef'],
    ['/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p', '/a/b/c/d/e/f/g/h/i/j/k/l'],
    ['http://example.org:8080/users/5', 'http://example.org:8080/users/:id'],
  ])('%s is %s', (path, route) => {
    expect(routeOfPath(path)).toBe(route);
  });

  it('is its own route, has no query and no more segments than a bound', () => {
    const segment = fc.oneof(fc.stringMatching(/^[\w.~%-]{0,30}$/), fc.nat().map(String), fc.uuid());
    const url = fc
      .tuple(fc.array(segment, { maxLength: 30 }), fc.string())
      .map(([s, query]) => `/${s.join('/')}?${query}`);
    fc.assert(
      fc.property(url, (path) => {
        const route = routeOfPath(path);
        expect(routeOfPath(route)).toBe(route);
        expect(route).not.toMatch(/[?#]/);
        expect(route.split('/').length).toBeLessThanOrEqual(13);
      }),
    );
  });

  it('is the same for any number', () => {
    fc.assert(
      fc.property(fc.nat(), fc.uuid(), (number, uuid) => {
        expect(routeOfPath(`/a/${number}/b/${uuid}/c`)).toBe('/a/:id/b/:id/c');
      }),
    );
  });
});
