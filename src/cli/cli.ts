/** The door of the room: arguments in, exit code out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { AppError } from '#base/app-error.ts';
import { packageRoot } from '#base/package-root.ts';
import { type CliIo, processIo } from './cli-io.ts';
import { commands } from './commands.ts';
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
  const io = processIo(interrupted.signal);
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`| head`) closes the pipe: that is no error.
    if (cause.code === 'EPIPE') process.exit(0);
    const error = new AppError('OUTPUT_UNWRITABLE', `The output cannot be written: ${cause.message}`, { cause });
    process.exit(reportError(io, error, argv.includes('--json')));
  });
  // What is only said on the side is no reason to fail: a server whose log is on a full disk goes on.
  process.stderr.on('error', () => undefined);
  try {
    return await runCommand(argv, io);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

/** The same with everything a command may touch given. */
export async function runCommand(argv: readonly string[], io: CliIo): Promise<number> {
  const [name] = argv;
  const program = await createProgram(io, name);
  try {
    await program.parseAsync(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' });
    return 0;
  } catch (error) {
    return reportError(io, error, argv.includes('--json'));
  }
}

/** @param only the command that is wanted; all of them where it names none, as help and what was mistyped need them */
export async function createProgram(io: CliIo, only?: string): Promise<Command> {
  const program = new Command('vitrine')
    .description('A repository of typed, versioned artifacts.')
    .version(packageVersion(), '-V, --version')
    .enablePositionalOptions()
    .addHelpText('after', help);
  const load = commands.get(only ?? '');
  const loaded = load === undefined ? [...commands.values()].map((each) => each(io)) : [load(io)];
  for (const command of await Promise.all(loaded)) program.addCommand(command);
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
