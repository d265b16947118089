/** Stops and accepts writes, on every node of a database at once. */
import { Command } from 'commander';
import { isJsonObject, type Json } from '#base/json.ts';
import { createApiClient } from '../api-client.ts';
import { type CliIo, printJson, printLine } from '../cli-io.ts';
import { createRemoteCommand, type JsonOption } from '../command-kit.ts';
import { instanceDocument, setReadOnlyDocument } from '../documents.ts';
import { textOrNull } from '../json-values.ts';

const notes = `
For the time in which the database or a store is moved: reading and downloading go on, every write is refused with READ_ONLY,
on all nodes. \`on\` answers when the writes that had begun before are over.`;

export function createReadOnlyCommand(io: CliIo): Command {
  return new Command('read-only')
    .summary('stop and accept writes')
    .description('Stop and accept writes, on every node at once.')
    .addCommand(createOnCommand(io))
    .addCommand(createOffCommand(io))
    .addCommand(createStatusCommand(io));
}

function createOnCommand(io: CliIo): Command {
  const examples = ['read-only on', "read-only on --reason 'the database moves until 10:00 UTC'"];
  return createRemoteCommand('on', 'refuse writes', examples, notes)
    .option('--reason <text>', 'told to everybody whose write is refused')
    .action(async ({ reason, json }: JsonOption & { readonly reason?: string }) => {
      const { instance, isQuiet } = await createApiClient(io).mutate(setReadOnlyDocument, {
        readOnly: true,
        reason: reason ?? null,
      });
      if (json === true) return printJson(io, { instance, isQuiet });
      printLine(io, describe(instance));
      if (isQuiet === true) io.err('Every write that had begun is over: nothing changes from here on.\n');
      else io.err('Writes that had begun before are still running: run this again until it says that they are over.\n');
    });
}

function createOffCommand(io: CliIo): Command {
  return createRemoteCommand('off', 'accept writes', ['read-only off'], notes).action(async ({ json }: JsonOption) => {
    const { instance } = await createApiClient(io).mutate(setReadOnlyDocument, { readOnly: false });
    if (json === true) printJson(io, { instance });
    else printLine(io, describe(instance));
  });
}

function createStatusCommand(io: CliIo): Command {
  const examples = ['read-only status', 'read-only status --json'];
  return createRemoteCommand('status', 'say whether writes are accepted', examples, notes).action(
    async ({ json }: JsonOption) => {
      const { instance } = await createApiClient(io).query(instanceDocument);
      if (json === true) printJson(io, { instance });
      else printLine(io, describe(instance));
    },
  );
}

function describe(instance: Json | undefined): string {
  if (!isJsonObject(instance) || instance['readOnly'] !== true) return 'writes are accepted';
  const reason = textOrNull(instance['readOnlyReason']);
  return `read-only since ${textOrNull(instance['readOnlySince']) ?? ''}${reason === null ? '' : `: ${reason}`}`;
}
