import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAllowedBy } from '#policy/access-rules.ts';

const allows = (rule: string, path: string): boolean =>
  isAllowedBy([{ service: 'image', method: 'GET', path: rule }], 'image', { method: 'GET', path });

describe('an access rule', () => {
  it.each([
    ['/v2/images', '/v2/images', true],
    ['/v2/images', '/v2/images/', false],
    ['/v2/images', '/v2/imagesX', false],
    ['/v2/images', '/V2/images', false],
    ['/v2/images/{image_id}', '/v2/images/abc', true],
    ['/v2/images/{image_id}', '/v2/images/abc/file', false],
    ['/v2/images/{image_id}/file', '/v2/images/abc/file', true],
    ['/v2/images/{image_id}/file', '/v2/images//file', false],
    ['/v2/images/*', '/v2/images/abc', true],
    ['/v2/images/*', '/v2/images/', false],
    ['/v2/*/file', '/v2/images/abc/file', false],
    ['/v2/im*s', '/v2/images', true],
    ['/v2/**', '/v2/images/abc/file', true],
    ['/v2/**', '/v2/', true],
    ['/v2/**', '/v2', false],
    ['/v2/**/file', '/v2/images/abc/file', true],
    ['**', '/anything/at/all', true],
    ['/v2/***', '/v2/a/b', true],
    // What means something to a regular expression means itself here.
    ['/v2/images.', '/v2/images/', false],
    ['/v2/(images)', '/v2/(images)', true],
    ['/v2/{images', '/v2/{images', true],
    ['/v2/{images', '/v2/images', false],
    ['/v2/{}', '/v2/x', true],
    ['', '', true],
    ['', '/', false],
    // A border that may be none, or none that may be one.
    ['/v2/*', '/v2/images%2Fabc', false],
    ['**', '/v2/images%2fabc', false],
  ])('%s asked for %s says %s', (rule, path, expected) => {
    expect(allows(rule, path)).toBe(expected);
  });

  it('is for its own service and method only', () => {
    const rules = [
      { service: 'compute', method: 'GET', path: '**' },
      { service: 'image', method: 'POST', path: '**' },
    ];
    expect(isAllowedBy(rules, 'image', { method: 'GET', path: '/v2/images' })).toBe(false);
    expect(isAllowedBy(rules, 'image', { method: 'POST', path: '/v2/images' })).toBe(true);
    expect(isAllowedBy([], 'image', { method: 'POST', path: '/v2/images' })).toBe(false);
  });

  it('must allow the method that was sent and the one that a header says is meant', () => {
    const rules = ['GET', 'PATCH'].map((method) => ({ service: 'image', method, path: '**' }));
    const asks = (method: string, meantMethod: string) => isAllowedBy(rules, 'image', { method, meantMethod, path: '/u' });
    expect(asks('GET', 'PATCH')).toBe(true);
    expect(asks('GET', 'DELETE')).toBe(false);
    expect(asks('DELETE', 'GET')).toBe(false);
  });

  it('matches what a regular expression made of it would', () => {
    const part = fc.constantFrom('*', '**', '{id}', 'a', 'b', '/', '/a');
    const paths = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 10 }).map((letters) => letters.join(''));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), paths, (parts, path) => {
        const rule = parts.join('');
        const expression = rule.replace(/\*\*+|\*|\{id\}/g, (found) => (found.startsWith('**') ? '.*' : '[^/]+'));
        expect(allows(rule, path)).toBe(new RegExp(`^${expression}$`).test(path));
      }),
      { numRuns: 2_000 },
    );
  });

  it('of a hostile author costs steps by length, not by combinations', () => {
    // As an expression this would not end within the age of the world.
    const rule = `/${'**a'.repeat(60)}`;
    expect(allows(rule, `/${'a'.repeat(2_000)}b`)).toBe(false);
    expect(allows(rule, `/${'a'.repeat(2_000)}`)).toBe(true);
  });

  it('is not looked up for paths longer than any that is served by name', () => {
    expect(allows('**', `/${'a'.repeat(3_000)}`)).toBe(false);
  });
});
