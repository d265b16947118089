/** What management commands did, in a file of their own beside the server's log: one JSON object a line. */
import { appendFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { AppError, isAppError } from '#base/app-error.ts';
import { makeFolder } from '#base/make-folder.ts';

/** Runs the work and writes how it ended. @throws what the work throws; AppError OUTPUT_UNWRITABLE */
export async function logged<Result>(path: string, command: string, work: () => Promise<Result>): Promise<Result> {
  let result: Result;
  try {
    result = await work();
  } catch (error) {
    const outcome = { command, outcome: 'failed', code: isAppError(error) ? error.code : 'INTERNAL', message: String(error) };
    // What failed may be the disk itself: the command's own error counts.
    await write(path, outcome).catch(() => undefined);
    throw error;
  }
  await write(path, { command, outcome: 'done', result }).catch((cause: Error) => {
    throw new AppError('OUTPUT_UNWRITABLE', `${command} is done, but not in its log: ${cause.message}`, { cause });
  });
  return result;
}

async function write(path: string, facts: object): Promise<void> {
  makeFolder(dirname(path), 0o700);
  const line = JSON.stringify({ time: new Date().toISOString(), user: userName(), ...facts });
  await appendFile(path, `${line}\n`, { mode: 0o600 });
}

/** Containers run under numbers that no file of users has. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}
