/** Withholds the bytes of an artifact, or gives them back. */
import type { Command } from 'commander';
import type { CliIo } from '../cli-io.ts';
import { createStepCommand } from '../command-kit.ts';

export function createDeactivateCommand(io: CliIo): Command {
  return createStepCommand(io, {
    name: 'deactivate',
    summary: 'withhold the bytes of an artifact',
    mutation: 'deactivateArtifact',
    done: 'deactivated',
    examples: ['deactivate image/cirros@1.10.0 --reason "under inspection"', 'deactivate image/cirros@1.10.0 --undo'],
    undo: { mutation: 'reactivateArtifact', done: 'reactivated', help: 'give the bytes back' },
  });
}
