import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { resolveReference } from '#ops/resolve-reference.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { actAs, createTestNode, type Node, outcome, publishKit, refusal } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;
const versions = ['0.9.0', '1.0.0', '1.2.0', '1.10.0', '2.0.0-beta.2', '2.0.0-beta.11', '2.0.0'];

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
  for (const version of versions) await publishKit(own, { name: 'lib', version });
  await publishKit(own, { name: 'only beta', version: '1.0.0-beta.1' });
  await createArtifact(own, { type: 'kit', name: 'only-draft', version: '1.0.0' });
});
afterAll(() => node[Symbol.asyncDispose]());

const resolve = async (ref: string) => (await resolveReference(own, { ref })).artifact.version;

describe('a reference by name', () => {
  it.each([
    ['kit/lib', '2.0.0'],
    ['kit/lib@*', '2.0.0'],
    ['kit/lib@^1', '1.10.0'],
    ['kit/lib@~1.2', '1.2.0'],
    ['kit/lib@<1', '0.9.0'],
    ['kit/lib@<2.0.0', '1.10.0'],
    ['kit/lib@>=2.0.0-beta.0 <2.0.0', '2.0.0-beta.11'],
    ['kit/lib@2.0.0-beta.2', '2.0.0-beta.2'],
    ['kit/lib@1.0.0 || 1.2.x', '1.2.0'],
    ['own/kit/lib@1.0.0+any.build', '1.0.0'],
    ['kit/only%20beta@1.0.0-beta.1', '1.0.0-beta.1'],
  ])('%s is %s', async (ref, version) => {
    expect(await resolve(ref)).toBe(version);
  });

  it.each([
    ['kit/lib@^3', ['2.0.0', '2.0.0-beta.11', '2.0.0-beta.2', '1.10.0', '1.2.0', '1.0.0', '0.9.0']],
    ['kit/lib@3.0.0', ['2.0.0', '2.0.0-beta.11', '2.0.0-beta.2', '1.10.0', '1.2.0', '1.0.0', '0.9.0']],
    ['kit/only%20beta', ['1.0.0-beta.1']],
    ['kit/only-draft', []],
  ])('%s has no match, and the candidates are named newest first', async (ref, candidates) => {
    expect(await refusal(resolveReference(own, { ref }))).toMatchObject({ code: 'VERSION_NO_MATCH', details: { candidates } });
  });

  it.each(['kit/no-such', 'other/kit/lib', 'no-type/lib', 'kit/lib2@1.0.0', `kit/lib@sha256:${'0'.repeat(64)}`])(
    '%s is not there',
    async (ref) => {
      expect(await outcome(resolveReference(own, { ref }))).toBe('ARTIFACT_NOT_FOUND');
    },
  );

  it.each<[string, string, string]>([
    ['nothing', '', 'REFERENCE_INVALID'],
    ['a type alone', 'kit', 'REFERENCE_INVALID'],
    ['too many parts', 'a/b/c/d', 'REFERENCE_INVALID'],
    ['no version', 'kit/lib@', 'REFERENCE_INVALID'],
    ['a channel', 'kit/lib:stable', 'REFERENCE_INVALID'],
    ['no range', 'kit/lib@nonsense', 'RANGE_INVALID'],
    ['an encoded NUL', 'kit/%00', 'REFERENCE_INVALID'],
    ['a NUL', 'kit/\u0000', 'REFERENCE_INVALID'],
    ['a range without end', `kit/lib@${'1 || '.repeat(500)}1`, 'RANGE_INVALID'],
    ['a text without end', 'x'.repeat(1_000_000), 'REFERENCE_INVALID'],
  ])('that is %s is refused', async (_what, ref, code) => {
    expect(await outcome(resolveReference(own, { ref }))).toBe(code);
  });

  it('names at most twenty candidates', async () => {
    for (let patch = 0; patch < 22; patch += 1) await publishKit(own, { name: 'many', version: `1.0.${patch}` });
    const { details } = await refusal(resolveReference(own, { ref: 'kit/many@^2' }));
    expect(details['candidates']).toHaveLength(20);
    expect(Object(details['candidates']).slice(0, 2)).toEqual(['1.0.21', '1.0.20']);
  });

  it('shows a deactivated version by its exact number only, with a warning', async () => {
    const { id } = await publishKit(own, { name: 'off', version: '1.1.0' });
    await publishKit(own, { name: 'off', version: '1.0.0' });
    await deactivateArtifact(own, { id });
    expect(await resolve('kit/off')).toBe('1.0.0');
    const { artifact, warnings } = await resolveReference(own, { ref: 'kit/off@1.1.0' });
    expect(artifact.id).toBe(id);
    expect(warnings).toEqual(['This artifact is deactivated; its bytes are withheld.']);
  });

  it('finds a hidden version only where the project is named', async () => {
    const { id } = await publishKit(own, { name: 'hidden' });
    await updateArtifact(own, { id, hidden: true });
    expect(await outcome(resolveReference(own, { ref: 'kit/hidden' }))).toBe('VERSION_NO_MATCH');
    expect((await resolveReference(own, { ref: 'own/kit/hidden' })).artifact.id).toBe(id);
    expect((await resolveReference(own, { ref: id })).artifact.id).toBe(id);
  });

  it('without a project falls to the trusted ones in their order, of which the first with the family decides alone', async () => {
    const admin = actAs(node.services, 'ops', 'admin');
    await publishKit(admin, { project: 'vendor', name: 'tool', version: '2.0.0', visibility: 'public' });
    expect((await resolveReference(own, { ref: 'kit/tool' })).artifact.project).toBe('vendor');
    await publishKit(admin, { project: 'library', name: 'tool', version: '1.0.0', visibility: 'public' });
    expect((await resolveReference(own, { ref: 'kit/tool' })).artifact.project).toBe('library');
    expect(await outcome(resolveReference(own, { ref: 'kit/tool@^2' }))).toBe('VERSION_NO_MATCH');
    await publishKit(admin, { project: 'stranger', name: 'strange', version: '9.0.0', visibility: 'public' });
    expect(await outcome(resolveReference(own, { ref: 'kit/strange' }))).toBe('ARTIFACT_NOT_FOUND');
  });
});
