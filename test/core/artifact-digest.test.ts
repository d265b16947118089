/** The digest of an artifact: what is in it, what is not, and one value that must never change. */

import { describe, expect, it } from 'vitest';
import { artifactDigest, type DigestInput } from '#core/artifact-digest.ts';

const sha256 = 'ab'.repeat(32);
const input: DigestInput = {
  type: 'heat-template',
  typeVersion: '1.0.0',
  name: 'web',
  version: '1.2.0',
  immutableProperties: { b: 1, a: ['x'] },
  slots: [
    { slot: 'files', key: 'b.yaml', path: 'b.yaml', mediaType: 'text/yaml', sizeBytes: 2, sha256 },
    { slot: 'files', key: 'a.yaml', path: 'a.yaml', mediaType: 'text/yaml', sizeBytes: 1, sha256 },
  ],
  dependencies: [
    {
      slot: 'images',
      alias: 'base',
      range: '^1',
      parameter: 'image',
      resolved: { type: 'image', name: 'cirros', version: '1.10.0', digest: `sha256:${'cd'.repeat(32)}` },
    },
    {
      slot: 'images',
      alias: 'any',
      range: '',
      parameter: null,
      resolved: { type: 'image', name: null, version: null, digest: null, slots: [{ slot: 'data', key: '', sha256 }] },
    },
  ],
};

describe('artifactDigest', () => {
  it('is the value that another RFC 8785 writer gives, and stored artifacts have', () => {
    expect(artifactDigest(input)).toBe('sha256:53a55ae4aa02d77d29594a9aac2d2f59220ae3c134f0cc758b77b4b29da6ccc1');
  });

  it('does not depend on any order', () => {
    const shuffled: DigestInput = {
      ...input,
      immutableProperties: { a: ['x'], b: 1 },
      slots: input.slots.toReversed(),
      dependencies: input.dependencies.toReversed(),
    };
    expect(artifactDigest(shuffled)).toBe(artifactDigest(input));
  });

  it('ignores members it was not told about', () => {
    const more = { ...input, id: 'x', project: 'p', tags: ['t'], slots: input.slots.map((slot) => ({ ...slot, md5: 'm' })) };
    expect(artifactDigest(more)).toBe(artifactDigest(input));
  });

  const [firstSlot, ...restSlots] = input.slots;
  const [firstDependency, ...restDependencies] = input.dependencies;
  const resolved = firstDependency?.resolved;
  it.each<[string, object]>([
    ['type', { type: 'x' }],
    ['type version', { typeVersion: '2.0.0' }],
    ['name', { name: 'x' }],
    ['version', { version: '1.2.1' }],
    ['build metadata', { version: '1.2.0+b' }],
    ['a property', { immutableProperties: { b: 2, a: ['x'] } }],
    ['a slot key', { slots: [{ ...firstSlot, key: 'c.yaml' }, ...restSlots] }],
    ['a path', { slots: [{ ...firstSlot, path: 'c.yaml' }, ...restSlots] }],
    ['a media type', { slots: [{ ...firstSlot, mediaType: 'text/x' }, ...restSlots] }],
    ['a size', { slots: [{ ...firstSlot, sizeBytes: 3 }, ...restSlots] }],
    ['a blob', { slots: [{ ...firstSlot, sha256: 'ac'.repeat(32) }, ...restSlots] }],
    ['a missing blob', { slots: restSlots }],
    ['a constraint', { dependencies: [{ ...firstDependency, range: '^1.0' }, ...restDependencies] }],
    ['an alias', { dependencies: [{ ...firstDependency, alias: 'x' }, ...restDependencies] }],
    ['a parameter', { dependencies: [{ ...firstDependency, parameter: null }, ...restDependencies] }],
    [
      'a resolved version',
      { dependencies: [{ ...firstDependency, resolved: { ...resolved, version: '1.0.0' } }, ...restDependencies] },
    ],
    [
      'a resolved digest',
      { dependencies: [{ ...firstDependency, resolved: { ...resolved, digest: null } }, ...restDependencies] },
    ],
  ])('changes with %s', (_, change) => {
    expect(artifactDigest({ ...input, ...change })).not.toBe(artifactDigest(input));
  });
});
