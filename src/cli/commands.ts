/** The commands, in the order of the help. Each is loaded when it is asked for: most of a short command's time is loading. */
import type { Command } from 'commander';
import type { CliIo } from './cli-io.ts';

export const commands: ReadonlyMap<string, (io: CliIo) => Promise<Command>> = new Map([
  ['serve', async (io) => (await import('./commands/serve.ts')).createServeCommand(io)],
  ['worker', async (io) => (await import('./commands/worker.ts')).createWorkerCommand(io)],
  ['push', async (io) => (await import('./commands/push.ts')).createPushCommand(io)],
  ['publish', async (io) => (await import('./commands/publish.ts')).createPublishCommand(io)],
  ['pull', async (io) => (await import('./commands/pull.ts')).createPullCommand(io)],
  ['closure', async (io) => (await import('./commands/closure.ts')).createClosureCommand(io)],
  ['list', async (io) => (await import('./commands/list.ts')).createListCommand(io)],
  ['show', async (io) => (await import('./commands/show.ts')).createShowCommand(io)],
  ['dependents', async (io) => (await import('./commands/dependents.ts')).createDependentsCommand(io)],
  ['yank', async (io) => (await import('./commands/yank.ts')).createYankCommand(io)],
  ['deprecate', async (io) => (await import('./commands/deprecate.ts')).createDeprecateCommand(io)],
  ['deactivate', async (io) => (await import('./commands/deactivate.ts')).createDeactivateCommand(io)],
  ['delete', async (io) => (await import('./commands/delete.ts')).createDeleteCommand(io)],
  ['restore', async (io) => (await import('./commands/restore.ts')).createRestoreCommand(io)],
  ['storage', async (io) => (await import('./commands/storage.ts')).createStorageCommand(io)],
  ['token', async (io) => (await import('./commands/token.ts')).createTokenCommand(io)],
  ['types', async (io) => (await import('./commands/types.ts')).createTypesCommand(io)],
  ['schema', async (io) => (await import('./commands/schema.ts')).createSchemaCommand(io)],
  ['jobs', async (io) => (await import('./commands/jobs.ts')).createJobsCommand(io)],
  ['db', async (io) => (await import('./commands/db.ts')).createDbCommand(io)],
  ['read-only', async (io) => (await import('./commands/read-only.ts')).createReadOnlyCommand(io)],
  ['config', async (io) => (await import('./commands/config.ts')).createConfigCommand(io)],
  ['policy', async (io) => (await import('./commands/policy.ts')).createPolicyCommand(io)],
]);
