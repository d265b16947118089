/** Takes a version out of range resolution, or back in. */
import type { Command } from 'commander';
import type { CliIo } from '../cli-io.ts';
import { createStepCommand } from '../command-kit.ts';

export function createYankCommand(io: CliIo): Command {
  return createStepCommand(io, {
    name: 'yank',
    summary: 'take a version out of range resolution; it stays fetchable by id, digest and pin',
    mutation: 'yankArtifact',
    done: 'yanked',
    examples: ['yank image/cirros@1.10.0 --reason "boots only on Tuesdays"', 'yank image/cirros@1.10.0 --undo'],
    undo: { mutation: 'unyankArtifact', done: 'unyanked', help: 'take the yank back' },
  });
}
