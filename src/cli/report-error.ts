/** How a failed command ends: one line, its faults, the remedy, and an exit code that differs by class. */
import { CommanderError } from 'commander';
import { AppError, isAppError } from '#base/app-error.ts';
import { errorCatalogue, exitCodes } from '#base/error-catalogue.ts';
import { type CliIo, printNote } from './cli-io.ts';

/** What shells give a command that Ctrl-C ended. */
const interruptedExitCode = 130;
/** More than anybody makes in one file; what a server sends is bounded all the same. */
const shownFaultsMax = 200;

/** Prints what went wrong, as JSON where the command was asked for JSON. Answers the exit code. */
export function reportError(io: CliIo, error: unknown, asJson: boolean): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  // A group of commands without one of them: its help was printed already.
  if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
  if (io.signal.aborted) {
    io.err('vitrine: interrupted\n');
    return interruptedExitCode;
  }
  const appError = toAppError(error);
  const exitCode = exitCodes[errorCatalogue[appError.code].class];
  if (asJson) {
    const { code, message, remedy, faults, details } = appError;
    io.err(`${JSON.stringify({ error: { code, message, remedy, faults, details, exitCode } })}\n`);
  } else printError(io, appError);
  return exitCode;
}

function printError(io: CliIo, { code, message, remedy, faults }: AppError): void {
  printNote(io, `vitrine: ${message.trim()} [${code}]`);
  for (const fault of faults.slice(0, shownFaultsMax)) {
    // One fault is often the message itself.
    if (fault.message !== message) printNote(io, `  ${fault.pointer === '' ? '' : `${fault.pointer}: `}${fault.message}`);
  }
  if (faults.length > shownFaultsMax) io.err(`  … and ${faults.length - shownFaultsMax} more\n`);
  printNote(io, `  → ${remedy}`);
}

function toAppError(error: unknown): AppError {
  if (isAppError(error)) return error;
  if (error instanceof CommanderError) return new AppError('USAGE', error.message.replace(/^error: /, ''));
  return new AppError('INTERNAL', error instanceof Error ? error.message : String(error), { cause: error });
}
