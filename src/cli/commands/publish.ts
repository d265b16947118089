/** Publishes a draft. */
import type { Command } from 'commander';
import { createApiClient } from '../api-client.ts';
import { resolveArtifact } from '../artifact-view.ts';
import type { CliIo } from '../cli-io.ts';
import { changeArtifact, createRemoteCommand, type JsonOption } from '../command-kit.ts';

const notes = `
A draft is named by its id, which push printed. Publishing validates it, pins its dependencies and freezes its bytes.`;

export function createPublishCommand(io: CliIo): Command {
  return createRemoteCommand('publish', 'publish a draft', ['publish 6f1c3f4e-0a52-4c6b-9d3f-2b8f6f0f9a11'], notes)
    .argument('<id>', 'the draft')
    .action(async (ref: string, options: JsonOption) => {
      const client = createApiClient(io);
      const artifact = await resolveArtifact(io, client, ref);
      await changeArtifact(io, client, 'publishArtifact', { id: artifact['id'] ?? '' }, { ...options, done: 'published' });
    });
}
