/** References: the grammar, its percent-encoding, and what it refuses. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { type ArtifactRef, formatArtifactRef, parseArtifactRef } from '#core/artifact-ref.ts';
import { assertName } from '#core/names.ts';
import { parseVersion } from '#core/version.ts';

const hex = '0123456789abcdef'.repeat(4);
const id = '6f1c3f4e-0a52-4c6b-9d3f-2b8f6f0f9a11';

function refusal(text: string): unknown {
  try {
    return parseArtifactRef(text);
  } catch (error) {
    return error;
  }
}

describe('parseArtifactRef', () => {
  it.each<[string, ArtifactRef]>([
    [id, { kind: 'id', id }],
    [id.toUpperCase(), { kind: 'id', id }],
    ['image/cirros', { kind: 'range', project: null, type: 'image', name: 'cirros', range: '', exact: null }],
    ['image/cirros@^1', { kind: 'range', project: null, type: 'image', name: 'cirros', range: '^1', exact: null }],
    ['image/a@>=1  <3 || 5.x', { kind: 'range', project: null, type: 'image', name: 'a', range: '>=1 <3 || 5.x', exact: null }],
    ['p/image/a:stable', { kind: 'channel', project: 'p', type: 'image', name: 'a', channel: 'stable' }],
    [`image/a@sha256:${hex}`, { kind: 'digest', project: null, type: 'image', name: 'a', digest: `sha256:${hex}` }],
    ['p%2Fq/image/a%40b%3Ac%25', { kind: 'range', project: 'p/q', type: 'image', name: 'a@b:c%', range: '', exact: null }],
    ['image/my image', { kind: 'range', project: null, type: 'image', name: 'my image', range: '', exact: null }],
    ['image/caf%C3%A9', { kind: 'range', project: null, type: 'image', name: 'café', range: '', exact: null }],
  ])('reads %s', (text, ref) => {
    expect(parseArtifactRef(text)).toEqual(ref);
  });

  it('knows a single exact version from a range', () => {
    const exact = (text: string) => {
      const ref = parseArtifactRef(text);
      return ref.kind === 'range' ? ref.exact?.text : undefined;
    };
    expect(exact('image/a@1.2.3-rc.1')).toBe('1.2.3-rc.1');
    expect(exact('image/a@1.2.3+b')).toBe('1.2.3+b');
    expect(exact('image/a@1.2')).toBeUndefined();
    expect(exact('image/a@=1.2.3')).toBeUndefined();
    expect(exact('image/a@1.2.3 || 2')).toBeUndefined();
  });

  it.each([
    '',
    'cirros',
    'image/',
    '/cirros',
    'a/b/c/d',
    'image//cirros',
    'Image/cirros',
    'image/a@',
    'image/a@ ',
    'image/a:',
    'image/a:1.2.3',
    'image/a:stable@1',
    'image/a@sha256:abc',
    `image/a@sha512:${hex}`,
    `image/a@sha256:${hex.toUpperCase()}`,
    'image/a%',
    'image/a%2',
    'image/a%FF',
    'image/a%00',
    'image/a%E2%80%AEb',
    'image/e\u0301',
    `image/${'a'.repeat(256)}`,
    `image/${'a'.repeat(5000)}`,
    'image/\ud800',
  ])('refuses %j', (text) => {
    expect(isAppError(refusal(text), 'REFERENCE_INVALID')).toBe(true);
  });

  it('says RANGE_INVALID where only the range is wrong', () => {
    expect(isAppError(refusal('image/a@newest'), 'RANGE_INVALID')).toBe(true);
  });
});

describe('formatArtifactRef', () => {
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .map((text) => text.normalize('NFC'))
    .filter((text) => {
      try {
        return assertName(text) === text;
      } catch {
        return false;
      }
    });
  const family = fc.record({
    project: fc.option(name),
    type: fc.constantFrom('image', 'heat-template', 'a1-b2'),
    name: fc.oneof(name, fc.constantFrom('a/b', '%2F', '@1', ':x', '..', ' ', id)),
  });
  const suffix = fc.constantFrom<Partial<ArtifactRef>>(
    { kind: 'range', range: '', exact: null },
    { kind: 'range', range: '>=1.0.0-a <2 || 3.x', exact: null },
    { kind: 'range', range: '1.2.3', exact: parseVersion('1.2.3') ?? null },
    { kind: 'digest', digest: `sha256:${hex}` },
    { kind: 'channel', channel: 'latest-lts' },
  );

  it('writes text that parses to the same reference', () => {
    fc.assert(
      fc.property(family, suffix, (names, rest) => {
        const ref = { ...names, ...rest } as ArtifactRef;
        expect(parseArtifactRef(formatArtifactRef(ref))).toEqual(ref);
      }),
      { numRuns: 2000 },
    );
  });

  it('writes an id as it is', () => {
    expect(formatArtifactRef(parseArtifactRef(id))).toBe(id);
  });
});
