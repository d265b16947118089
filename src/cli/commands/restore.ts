/** Takes a delayed delete back. */
import type { Command } from 'commander';
import type { CliIo } from '../cli-io.ts';
import { createStepCommand } from '../command-kit.ts';

export function createRestoreCommand(io: CliIo): Command {
  return createStepCommand(io, {
    name: 'restore',
    summary: 'take a delete back, while its delay is not over (delete.delayMs of the server)',
    mutation: 'restoreArtifact',
    done: 'restored',
    examples: ['restore image/cirros@1.10.0', 'restore 6f1c3f4e-0a52-4c6b-9d3f-2b8f6f0f9a11 --reason "wrong one"'],
  });
}
