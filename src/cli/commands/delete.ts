/** Deletes an artifact. */
import type { Command } from 'commander';
import type { CliIo } from '../cli-io.ts';
import { createStepCommand } from '../command-kit.ts';

export function createDeleteCommand(io: CliIo): Command {
  return createStepCommand(io, {
    name: 'delete',
    summary: 'delete an artifact; its version leaves a tombstone',
    mutation: 'deleteArtifact',
    done: 'deleted',
    examples: ['delete image/cirros@1.10.0', 'delete 6f1c3f4e-0a52-4c6b-9d3f-2b8f6f0f9a11'],
  });
}
