import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpContext } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { projectHeat } from '#ops/project-heat.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { uploadBlob } from '#ops/upload-blob.ts';
import { createHeatNode, emptyStack, type HeatNode, heatVersion } from '#test/support/heat-node.ts';
import { outcome, putText, refusal } from '#test/support/operations.ts';

let node: HeatNode;
let own: OpContext;
let publish: HeatNode['publish'];

beforeAll(async () => {
  node = await createHeatNode();
  ({ own, publish } = node);
});
afterAll(() => node[Symbol.asyncDispose]());

describe('the Heat projection of a stack', () => {
  // The first that publishes: the hooks of four types start their threads.
  it('rewrites each reference to one key, follows aliases, orders environments and fills in image parameters', {
    timeout: 90_000,
  }, async () => {
    const image = await publish({
      type: 'image',
      name: 'base',
      properties: { disk_format: 'raw' },
      files: { data: { data: 'bits' } },
    });
    await publish({ type: 'bundle', name: 'scripts', files: { files: { 'bin/run.sh': '#!/bin/sh\n', unused: 'x' } } });
    await publish({
      type: 'heat-environment',
      name: 'shared-env',
      files: {
        environment: { 'env.yaml': 'resource_registry:\n  My::Thing: nested/thing.yaml\n' },
        files: { 'nested/thing.yaml': emptyStack },
      },
    });
    const stack = await publish({
      type: 'heat-template',
      name: 'stack',
      properties: { environmentFiles: ['env/two.yaml', 'env/one.yaml'] },
      files: {
        template: {
          'stack.yaml': `${heatVersion}parameters: {image: {type: string}}
resources:
  a: {type: nested/a.yaml}
  b: {type: OS::Heat::SoftwareConfig, properties: {config: {get_file: ./files/x.txt}}}
  c: {type: OS::Heat::SoftwareConfig, properties: {config: {get_file: scripts/bin/run.sh}}}
  d: {type: OS::Heat::None} # stays
`,
        },
        files: {
          'nested/a.yaml': `${heatVersion}resources:\n  x: {type: OS::Heat::SoftwareConfig, properties: {config: {get_file: ../files/x.txt}}}\n`,
          'files/x.txt': 'text of x',
          'env/one.yaml': 'parameters: {image: one}\n',
          'env/two.yaml': 'parameters: {image: two}\n',
          'never/used.txt': 'x',
        },
      },
      dependencies: [
        { slot: 'image', alias: 'base', ref: 'image/base', parameter: 'image' },
        { slot: 'environment', alias: 'shared', ref: 'heat-environment/shared-env' },
        { slot: 'bundle', alias: 'scripts', ref: 'bundle/scripts' },
      ],
    });
    const projection = await projectHeat(own, { ref: stack.id, mode: 'pinned' });
    expect(Object.keys(projection.files)).toEqual([
      'env/one.yaml',
      'env/two.yaml',
      'files/x.txt',
      'nested/a.yaml',
      'scripts/bin/run.sh',
      'shared/env.yaml',
      'shared/nested/thing.yaml',
    ]);
    expect(projection.environment_files).toEqual(['shared/env.yaml', 'env/two.yaml', 'env/one.yaml']);
    expect(projection.parameters).toEqual({ image: image.id });
    expect(projection.template).toContain('get_file: "files/x.txt"');
    expect(projection.template).toContain('# stays');
    expect(projection.files['nested/a.yaml']).toContain('get_file: "files/x.txt"');
    expect(projection.files['shared/env.yaml']).toContain('My::Thing: "shared/nested/thing.yaml"');
    expect(projection.files['scripts/bin/run.sh']).toBe('#!/bin/sh\n');
    expect(await projectHeat(own, { ref: 'heat-template/stack', mode: 'floating' })).toEqual(projection);
  });

  it('reports every file that Heat would refuse, before Heat does', async () => {
    await publish({
      type: 'bundle',
      name: 'large',
      files: { files: { 'big.bin': 'x'.repeat(524_289), 'fits.bin': 'y'.repeat(524_288) } },
    });
    const stack = await publish({
      type: 'heat-template',
      name: 'too-large',
      files: {
        template: {
          'stack.yaml': `${heatVersion}resources:
  a: {type: OS::Heat::SoftwareConfig, properties: {config: {get_file: large/big.bin}}}
  b: {type: OS::Heat::SoftwareConfig, properties: {config: {get_file: large/fits.bin}}}
  c: {type: OS::Heat::SoftwareConfig, properties: {config: {get_file: large/nothing}}}
`,
        },
      },
      dependencies: [{ slot: 'bundle', alias: 'large', ref: 'bundle/large' }],
    });
    const refused = await refusal(projectHeat(own, { ref: stack.id, mode: 'pinned' }));
    expect(refused.code).toBe('PROJECTION_INVALID');
    expect(refused.faults.map(({ pointer }) => pointer)).toEqual(['/files/stack.yaml', '/files/large~1big.bin']);
    expect(refused.message).toContain('large/nothing');
  });

  it('carries bytes that are no text as base64 in lines, as heatclient does', async () => {
    const draft = await createArtifact(own, { type: 'heat-template', name: 'binary', version: '1.0.0' });
    await putText(
      own,
      draft.id,
      'template',
      `${heatVersion}resources: {a: {type: OS::Heat::SoftwareConfig, properties: {config: {get_file: bin}}}}\n`,
      'stack.yaml',
    );

    const bytes = Buffer.alloc(100, 0xff);
    await uploadBlob(own, { artifactId: draft.id, slot: 'files', path: 'bin', source: Readable.from([bytes]) });
    const { id } = await publishArtifact(own, { id: draft.id });
    const text = (await projectHeat(own, { ref: id, mode: 'pinned' })).files['bin'] ?? '';
    expect(text.split('\n').map((line) => line.length)).toEqual([76, 60, 0]);
    expect(Buffer.from(text, 'base64')).toEqual(bytes);
  });

  it('is refused for what is no template, and for what is not complete', async () => {
    const bundle = await publish({ type: 'bundle', name: 'plain', files: { files: { a: 'a' } } });
    expect(await outcome(projectHeat(own, { ref: bundle.id, mode: 'pinned' }))).toBe('PROJECTION_INVALID');
    const draft = await createArtifact(own, {
      type: 'heat-template',
      name: 'draft-stack',
      dependencies: [{ slot: 'bundle', alias: 'b', ref: 'bundle/plain' }],
    });
    expect(await outcome(projectHeat(own, { ref: draft.id, mode: 'pinned' }))).toBe('CLOSURE_INCOMPLETE');
    expect(await outcome(projectHeat(own, { ref: 'heat-template/nowhere', mode: 'pinned' }))).toBe('ARTIFACT_NOT_FOUND');
  });
});
