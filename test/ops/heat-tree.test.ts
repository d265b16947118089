import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '#base/app-error.ts';
import type { OpContext } from '#ops/context.ts';
import { getClosure } from '#ops/get-closure.ts';
import { projectHeat } from '#ops/project-heat.ts';
import { createHeatNode, emptyStack, type HeatNode, heatVersion } from '#test/support/heat-node.ts';
import { actAs, outcome, refusal } from '#test/support/operations.ts';

let node: HeatNode;
let own: OpContext;
let publish: HeatNode['publish'];

beforeAll(async () => {
  node = await createHeatNode();
  ({ own, publish } = node);
});
afterAll(() => node[Symbol.asyncDispose]());

describe('the files of a Heat projection', () => {
  it.each([
    ['lib', 'lib/x'],
    ['lib/x', 'lib'],
  ])(
    'finds files under aliases of which one stands in the folder of the other: %s before %s',
    { timeout: 90_000 },
    async (...aliases) => {
      const suffix = aliases[0].length;
      await publish({
        type: 'bundle',
        name: `outer-${suffix}`,
        files: { files: { 'x/outer.txt': 'outer', 'x/both.txt': 'hidden' } },
      });
      await publish({ type: 'bundle', name: `inner-${suffix}`, files: { files: { 'inner.txt': 'inner', 'both.txt': 'shown' } } });
      const configs = ['inner', 'outer', 'both'].map(
        (name) => `  ${name}: {type: OS::Heat::SoftwareConfig, properties: {config: {get_file: lib/x/${name}.txt}}}\n`,
      );
      const { id } = await publish({
        type: 'heat-template',
        name: `nested-aliases-${suffix}`,
        files: { template: { 'stack.yaml': `${heatVersion}resources:\n${configs.join('')}` } },
        dependencies: aliases.map((alias) => ({
          slot: 'bundle',
          alias,
          ref: `bundle/${alias === 'lib' ? 'outer' : 'inner'}-${suffix}`,
        })),
      });
      const { files } = await projectHeat(own, { ref: id, mode: 'pinned' });
      expect(files).toEqual({ 'lib/x/both.txt': 'shown', 'lib/x/inner.txt': 'inner', 'lib/x/outer.txt': 'outer' });
    },
  );

  it('follows an environment also where a template fetches it as a file', async () => {
    // A draft, since the type of a published one would refuse a file that is a template and an environment in one.
    const id = await node.draft({
      type: 'heat-template',
      name: 'fetched-environment',
      properties: { environmentFiles: ['env/all.yaml', 'env/both.yaml'] },
      files: {
        template: {
          'stack.yaml': `${heatVersion}resources:
  a: {type: OS::Heat::SoftwareConfig, properties: {config: {get_file: env/all.yaml}}}
  b: {type: OS::Heat::SoftwareConfig, properties: {config: {get_file: env/both.yaml}}}
`,
        },
        files: {
          'env/all.yaml': 'resource_registry:\n  My::Thing: ../nested/thing.yaml\n',
          'env/both.yaml': `${heatVersion}resources: {t: {type: part.yaml}}\nresource_registry: {"My::Part": part.yaml, "My::Thing": ../nested/thing.yaml}\n`,
          'env/part.yaml': emptyStack,
          'nested/thing.yaml': emptyStack,
        },
      },
    });
    const { files, environment_files } = await projectHeat(own, { ref: id, mode: 'pinned' });
    expect(environment_files).toEqual(['env/all.yaml', 'env/both.yaml']);
    expect(Object.keys(files)).toEqual(['env/all.yaml', 'env/both.yaml', 'env/part.yaml', 'nested/thing.yaml']);
    expect(files['env/all.yaml']).toBe('resource_registry:\n  My::Thing: "nested/thing.yaml"\n');
    expect(files['env/both.yaml']).toBe(
      `${heatVersion}resources: {t: {type: "env/part.yaml"}}\nresource_registry: {"My::Part": "env/part.yaml", "My::Thing": "nested/thing.yaml"}\n`,
    );
  });

  it('are read no further than Heat could take them', async () => {
    const text = 'x'.repeat(500_000);
    const paths = Array.from({ length: 9 }, (_, index) => `${index}.txt`);
    const configs = paths.map((path) => `{get_file: ${path}}`).join(', ');
    const ref = await node.draft({
      type: 'heat-template',
      name: 'much',
      files: {
        template: { 'stack.yaml': `${heatVersion}resources: {r: [${configs}]}\n` },
        files: Object.fromEntries(paths.map((path) => [path, text])),
      },
    });
    const error = await refusal(projectHeat(own, { ref, mode: 'pinned' }));
    expect(error.code).toBe('PROJECTION_INVALID');
    expect(error.faults[0]?.message).toBe('refers to more than 4194304 bytes of files and their names');
  });

  it('are told of as missing as far as anybody reads, however many there are and however far down they stand', async () => {
    const configs = Array.from({ length: 3_000 }, (_, index) => `{get_file: ${index}.txt}`).join(', ');
    const ref = await node.draft({
      type: 'heat-template',
      name: 'missing',
      files: { template: { 'stack.yaml': `${heatVersion}resources:\n  ? ${'k'.repeat(200_000)}\n  : [${configs}]\n` } },
    });
    const error = await refusal(projectHeat(own, { ref, mode: 'pinned' }));
    expect(error.code).toBe('PROJECTION_INVALID');
    expect(error.faults).toHaveLength(100);
    expect(error.faults[0]?.message).toMatch(/^\/resources\/k+…: "0\.txt" leads to no file$/);
  });

  it('reads a file from another of its stores where the first has lost it or is down', async () => {
    const { services } = node;
    const { id } = await publish({
      type: 'heat-template',
      name: 'in-two-stores',
      files: { template: { 'stack.yaml': emptyStack } },
    });
    const whole = await projectHeat(own, { ref: id, mode: 'pinned' });
    const text = async (context: OpContext) =>
      (await getClosure(context, { ref: id, mode: 'pinned', inlineBytes: 1000 })).nodes[0]?.blobs[0]?.text;
    await services.db.query({
      text: `INSERT INTO store (name, store_id, kind) VALUES ('first', gen_random_uuid(), 'filesystem')`,
    });
    const add = `INSERT INTO location (id, blob_id, store, object_key, state, verified_at, created_at)
      SELECT gen_random_uuid(), blob_id, 'first', 'aa0000000000000000000000000000000000', 'live', now(), now() - interval '1 day'
      FROM artifact_blob WHERE artifact_id = $1`;
    await services.db.query({ text: add }, [id]);
    await services.db.query({ text: `UPDATE placement SET store = 'first' WHERE artifact_id = $1` }, [id]);
    const lost = services.blobs.defaultStore;
    const down = { ...lost, read: () => Promise.reject(new AppError('STORE_UNAVAILABLE')) };
    for (const first of [lost, down]) {
      const stores = new Map([...services.blobs.stores, ['first', first] as const]);
      const both = actAs({ ...services, blobs: { ...services.blobs, stores } }, 'own');
      expect(await projectHeat(both, { ref: id, mode: 'pinned' })).toEqual(whole);
      expect(await text(both)).toBe(emptyStack);
      const only = actAs({ ...services, blobs: { ...services.blobs, stores: new Map([['first', first]]) } }, 'own');
      expect(await outcome(projectHeat(only, { ref: id, mode: 'pinned' }))).toBe('BLOB_UNAVAILABLE');
      expect(await text(only)).toBeNull();
    }
  });
});
