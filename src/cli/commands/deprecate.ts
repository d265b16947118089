/** Advises against an artifact, with a message, or takes that back. */
import type { Command } from 'commander';
import { AppError } from '#base/app-error.ts';
import { createApiClient } from '../api-client.ts';
import { resolveArtifact } from '../artifact-view.ts';
import type { CliIo } from '../cli-io.ts';
import { changeArtifact, createRemoteCommand, type JsonOption, refHelp } from '../command-kit.ts';

export function createDeprecateCommand(io: CliIo): Command {
  const examples = ["deprecate image/cirros@1.2.0 --message 'use 1.10.0'", 'deprecate image/cirros@1.2.0 --undo'];
  return createRemoteCommand('deprecate', 'advise against an artifact, with a message for its users', examples, refHelp)
    .argument('<ref>', 'the artifact')
    .option('--message <text>', 'what its users should do instead')
    .option('--undo', 'take the advice back')
    .action(async (ref: string, options: JsonOption & { message?: string; undo?: boolean }) => {
      if ((options.message === undefined) === (options.undo !== true)) {
        throw new AppError('USAGE', 'deprecate takes either --message or --undo.');
      }
      const client = createApiClient(io);
      const artifact = await resolveArtifact(io, client, ref);
      const input = { id: artifact['id'] ?? '', message: options.message ?? null };
      const done = options.undo === true ? 'no longer deprecated:' : 'deprecated';
      await changeArtifact(io, client, 'deprecateArtifact', input, { ...options, done });
    });
}
