/** The door of the room: arguments in, exit code out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '#base/package-root.ts';
import { type CliIo, processIo } from './cli-io.ts';
import { createClosureCommand } from './commands/closure.ts';
import { createConfigCommand } from './commands/config.ts';
import { createDbCommand } from './commands/db.ts';
import { createDeactivateCommand } from './commands/deactivate.ts';
import { createDeleteCommand } from './commands/delete.ts';
import { createDependentsCommand } from './commands/dependents.ts';
import { createDeprecateCommand } from './commands/deprecate.ts';
import { createJobsCommand } from './commands/jobs.ts';
import { createListCommand } from './commands/list.ts';
import { createPolicyCommand } from './commands/policy.ts';
import { createPublishCommand } from './commands/publish.ts';
import { createPullCommand } from './commands/pull.ts';
import { createPushCommand } from './commands/push.ts';
import { createReadOnlyCommand } from './commands/read-only.ts';
import { createRestoreCommand } from './commands/restore.ts';
import { createSchemaCommand } from './commands/schema.ts';
import { createServeCommand } from './commands/serve.ts';
import { createShowCommand } from './commands/show.ts';
import { createStorageCommand } from './commands/storage.ts';
import { createTokenCommand } from './commands/token.ts';
import { createTypesCommand } from './commands/types.ts';
import { createWorkerCommand } from './commands/worker.ts';
import { createYankCommand } from './commands/yank.ts';
import { reportError } from './report-error.ts';

const help = `
Start here:
  $ vitrine serve                                    a server on 127.0.0.1:9292, with its own database
  $ vitrine push --type image --name cirros --version 1.10.0 --property disk_format=qcow2 --slot data=FILE --publish
  $ vitrine show 'image/cirros@^1'
  $ vitrine pull 'image/cirros@^1' --output DIR

Exit codes: 0 done, 1 internal, 2 usage, 3 invalid input, 4 unknown caller, 5 forbidden, 6 not found, 7 conflict,
8 limit, 9 unavailable, 10 bytes damaged, 130 interrupted. Every error has a code; docs/errors.md lists them.`;

/** Runs one command of this process. Never throws; what it answers is the exit code. */
export async function runCli(argv: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  // A reader that has seen enough (`| head`) closes the pipe: that is no error.
  process.stdout.on('error', () => process.exit(0));
  try {
    return await runCommand(argv, processIo(interrupted.signal));
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

/** The same with everything a command may touch given. */
export async function runCommand(argv: readonly string[], io: CliIo): Promise<number> {
  const program = createProgram(io);
  try {
    await program.parseAsync(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' });
    return 0;
  } catch (error) {
    return reportError(io, error, argv.includes('--json'));
  }
}

export function createProgram(io: CliIo): Command {
  const program = new Command('vitrine')
    .description('A repository of typed, versioned artifacts.')
    .version(packageVersion(), '-V, --version')
    .enablePositionalOptions()
    .addHelpText('after', help);
  const commands = [
    createServeCommand(io),
    createWorkerCommand(io),
    createPushCommand(io),
    createPublishCommand(io),
    createPullCommand(io),
    createClosureCommand(io),
    createListCommand(io),
    createShowCommand(io),
    createDependentsCommand(io),
    createYankCommand(io),
    createDeprecateCommand(io),
    createDeactivateCommand(io),
    createDeleteCommand(io),
    createRestoreCommand(io),
    createStorageCommand(io),
    createTokenCommand(io),
    createTypesCommand(io),
    createSchemaCommand(io),
    createJobsCommand(io),
    createDbCommand(io),
    createReadOnlyCommand(io),
    createConfigCommand(io),
    createPolicyCommand(io),
  ];
  for (const command of commands) program.addCommand(command);
  settle(program, io);
  return program;
}

/** Every command throws instead of ending the process, and writes where it is told to. */
function settle(command: Command, io: CliIo): void {
  command.exitOverride();
  command.configureOutput({ writeOut: io.out, writeErr: io.err, outputError: () => undefined });
  command.showSuggestionAfterError(true);
  for (const child of command.commands) settle(child, io);
}

function packageVersion(): string {
  const manifest: { version?: unknown } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  return String(manifest.version);
}
