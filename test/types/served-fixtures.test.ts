import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { actAs, createTestNode, type Node } from '#test/support/operations.ts';
import { loadTypes } from '#types/load-types.ts';
import type { TypeRegistry } from '#types/type-registry.ts';

const here = join(import.meta.dirname, '../../artifact-types');
const folders = readdirSync(here).sort();

interface Fixture {
  readonly properties?: JsonObject;
  readonly slots?: Record<string, string | Record<string, { text?: string; base64?: string; file?: string }>>;
  readonly dependencies?: readonly { slot: string; alias: string; targetType: string; parameter?: string }[];
  readonly derived?: JsonObject;
  readonly faults?: readonly string[];
}

const fixtures = folders.flatMap((folder) =>
  readdirSync(join(here, folder, 'fixtures'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({
      folder,
      name,
      fixture: JSON.parse(readFileSync(join(here, folder, 'fixtures', name), 'utf8')) as Fixture,
    })),
);
const typeOf = (folder: string): string => folder.replace(/^_/, '');

let node: Node;
let types: TypeRegistry;
let own: OpContext;

beforeAll(async () => {
  node = await createTestNode();
  types = await loadTypes({ folders: [here, join(here, '_example')] });
  own = actAs(node.with({ types }), 'own');
  // One artifact of each type, for dependencies to point at.
  await publish('bundle', 'target', {});
  await publish('image', 'target', { properties: { disk_format: 'raw' }, slots: { data: { data: { text: 'x' } } } });
  await publish('example', 'target', { properties: { language: 'en' }, slots: { note: { note: { text: 'x' } } } });
  await publish('heat-environment', 'target', { slots: { environment: { e: { text: '' } } } });
  const text = 'heat_template_version: rocky\nresources: {a: {type: OS::Heat::None}}\n';
  await publish('heat-template', 'target', { slots: { template: { t: { text } } } });
});
afterAll(async () => {
  await types[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
});

const drafts = new Map<string, string>();

async function publish(type: string, name: string, fixture: Fixture, folder = `${here}/${type}/fixtures`): Promise<Artifact> {
  const { properties = {}, slots = {}, dependencies = [] } = fixture;
  const draft = await createArtifact(own, {
    type,
    name,
    version: '1.0.0',
    properties,
    dependencies: dependencies.map(({ targetType, ...link }) => ({ ...link, ref: `${targetType}/target@^1` })),
  });
  drafts.set(name, draft.id);
  for (const [slot, content] of Object.entries(slots)) {
    for (const [path, bytes] of filesOf(folder, content)) {
      await uploadBlob(own, { artifactId: draft.id, slot, path, source: Readable.from([bytes]) });
    }
  }
  return publishArtifact(own, { id: draft.id });
}

function filesOf(folder: string, content: NonNullable<Fixture['slots']>[string]): [string, Buffer][] {
  if (typeof content === 'string') {
    const top = join(folder, content);
    const files = readdirSync(top, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return files.map((entry) => join(entry.parentPath, entry.name)).map((path) => [relative(top, path), readFileSync(path)]);
  }
  return Object.entries(content).map(([path, { text, base64, file }]) => {
    if (file !== undefined) return [path, readFileSync(join(folder, file))];
    return [path, base64 === undefined ? Buffer.from(text ?? '') : Buffer.from(base64, 'base64')];
  });
}

describe('a fixture that the kit accepts', () => {
  it.each(fixtures.filter(({ name }) => name.startsWith('valid-')))(
    'is published: $folder $name',
    async ({ folder, name, fixture }) => {
      const artifact = await publish(typeOf(folder), `${folder}-${name}`, fixture, join(here, folder, 'fixtures'));
      expect(artifact.state).toBe('active');
      expect(artifact.digest).toMatch(/^sha256:/);
      expect(artifact.properties).toMatchObject({ ...fixture.properties, ...fixture.derived });
    },
  );
});

describe('a fixture that the kit refuses', () => {
  it.each(fixtures.filter(({ name }) => name.startsWith('invalid-')))(
    'is refused with a typed error, and nothing of it is published: $folder $name',
    async ({ folder, name, fixture }) => {
      const unique = `${folder}-${name}`;
      const error: unknown = await publish(typeOf(folder), unique, fixture, join(here, folder, 'fixtures')).then(
        () => 'published',
        (reason) => reason,
      );
      if (!isAppError(error)) throw error;
      expect(['PROPERTIES_INVALID', 'DEPENDENCY_INVALID', 'BLOB_REFUSED', 'SLOT_MISSING', 'SLOT_UNKNOWN']).toContain(error.code);
      // Slots and dependencies are refused one by one as they come; properties and blobs with all their faults at once.
      const isWhole = error.code === 'PROPERTIES_INVALID' || error.code === 'BLOB_REFUSED';
      const pointers = error.faults.map(({ pointer }) => pointer).sort();
      expect(isWhole ? pointers : fixture.faults?.toSorted()).toEqual(fixture.faults?.toSorted());
      const id = drafts.get(unique);
      const state = id === undefined ? 'never made' : (await getArtifact(own, { id })).state;
      expect(state).toMatch(/^(never made|draft)$/);
    },
  );
});
