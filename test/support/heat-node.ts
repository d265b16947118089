/** A node with the artifact types that ship, for tests of stacks: published with their files in one step. */
import { join } from 'node:path';
import type { Artifact, DependencyInput } from '#core/artifact.ts';
import type { OpContext, Services } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { loadTypes } from '#types/load-types.ts';
import { actAs, createTestNode, putText } from './operations.ts';

interface Part {
  readonly type: string;
  readonly name: string;
  readonly properties?: Record<string, string | string[]>;
  /** slot → path → text; a slot of kind one has one path. */
  readonly files: Record<string, Record<string, string>>;
  readonly dependencies?: readonly DependencyInput[];
}

export interface HeatNode extends AsyncDisposable {
  readonly services: Services;
  readonly own: OpContext;
  /** As version 1.0.0; judged by nobody yet. Answers with its id. */
  draft(part: Part): Promise<string>;
  publish(part: Part): Promise<Artifact>;
}

export const heatVersion = 'heat_template_version: 2018-08-31\n';
export const emptyStack = `${heatVersion}resources: {r: {type: OS::Heat::None}}\n`;

export async function createHeatNode(): Promise<HeatNode> {
  const stack = new AsyncDisposableStack();
  const node = stack.use(await createTestNode());
  const types = stack.use(await loadTypes({ folders: [join(import.meta.dirname, '../../artifact-types')] }));
  const services = node.with({ types });
  const own = actAs(services, 'own');
  const draft: HeatNode['draft'] = async ({ type, name, properties = {}, files, dependencies = [] }) => {
    const { id } = await createArtifact(own, { type, name, version: '1.0.0', properties, dependencies });
    for (const [slot, texts] of Object.entries(files)) {
      for (const [path, text] of Object.entries(texts)) await putText(own, id, slot, text, path);
    }
    return id;
  };
  return {
    services,
    own,
    draft,
    publish: async (part) => publishArtifact(own, { id: await draft(part) }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
