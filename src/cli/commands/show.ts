/** Shows one artifact. */
import type { Command } from 'commander';
import { createApiClient } from '../api-client.ts';
import { printArtifact, resolveArtifact, toArtifactView } from '../artifact-view.ts';
import { type CliIo, printJson } from '../cli-io.ts';
import { createRemoteCommand, type JsonOption, refHelp } from '../command-kit.ts';

export function createShowCommand(io: CliIo): Command {
  const examples = ['show image/cirros', "show 'image/cirros@^1' --json", "show 'other-project/heat-template/web@~2.1'"];
  return createRemoteCommand('show', 'show the artifact a reference leads to', examples, refHelp)
    .argument('<ref>', 'the artifact; quote ranges, the shell reads some of their characters')
    .action(async (ref: string, options: JsonOption) => {
      const artifact = await resolveArtifact(io, createApiClient(io), ref);
      if (options.json === true) printJson(io, toArtifactView(artifact));
      else printArtifact(io, artifact);
    });
}
