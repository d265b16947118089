/** Lists what is pinned to an artifact. */
import type { Command } from 'commander';
import { isJsonObject } from '#base/json.ts';
import { createApiClient } from '../api-client.ts';
import { printArtifacts, readArtifacts } from '../artifact-pages.ts';
import { resolveArtifact } from '../artifact-view.ts';
import type { CliIo } from '../cli-io.ts';
import { createRemoteCommand, type JsonOption, refHelp } from '../command-kit.ts';
import { dependentsDocument } from '../documents.ts';

/** More direct dependents than anybody reads; the list says when there are more. */
const dependentsMax = 1000;

export function createDependentsCommand(io: CliIo): Command {
  const examples = ['dependents image/cirros@1.10.0', 'dependents image/cirros --json'];
  return createRemoteCommand('dependents', 'list who depends on an artifact, as far as you may see them', examples, refHelp)
    .argument('<ref>', 'the artifact')
    .action(async (ref: string, options: JsonOption) => {
      const client = createApiClient(io);
      const id = (await resolveArtifact(io, client, ref))['id'] ?? '';
      const list = await readArtifacts(dependentsMax, async (page) => {
        const { artifact } = await client.query(dependentsDocument, { id, ...page });
        return isJsonObject(artifact) ? artifact['dependents'] : undefined;
      });
      printArtifacts(io, list, { asJson: options.json === true, advice: 'GraphQL has all of them, page by page' });
    });
}
