import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printSchema } from '#graphql/graphql-plane.ts';
import { createTypesFolder } from '#test/types/type-folder.ts';
import { loadTypes } from '#types/load-types.ts';
import { root } from './modules.ts';

const typesFolder = join(root, 'artifact-types');

describe('schema.graphql', () => {
  it('is the SDL of the types in artifact-types, without _example', async () => {
    await using types = await loadTypes({ folders: [typesFolder] });
    expect([...types.types.keys()].sort()).toEqual(['bundle', 'heat-environment', 'heat-template', 'image']);
    await expect(printSchema(types)).toMatchFileSnapshot('../../schema.graphql');
  });

  it('does not depend on the order in which types are found', async () => {
    const names = ['image', 'bundle', 'heat-template', 'heat-environment'].map((name) => join(typesFolder, name));
    await using forward = await loadTypes({ folders: names });
    await using backward = await loadTypes({ folders: names.toReversed() });
    expect(printSchema(backward)).toBe(printSchema(forward));
  });

  it('grows by what a type elsewhere brings, and the file stays as it is', async () => {
    using folder = createTypesFolder();
    folder.writeType('gizmo', { versions: { 1: { weight: { type: 'integer', description: 'Grams.' } } } });
    await using types = await loadTypes({ folders: [typesFolder, folder.path] });
    const sdl = printSchema(types);
    expect(sdl).toContain('type Gizmo implements Artifact & Node {');
    await using own = await loadTypes({ folders: [typesFolder] });
    expect(printSchema(own)).not.toContain('Gizmo');
  });
});
