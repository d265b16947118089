/** Suites that need a tool this machine may lack: skipped by name there, but a failure where VITRINE_REQUIRE_SUITES names them. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The full path of an executable on PATH, or undefined. */
export function findExecutable(name: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here: look in the next folder.
    }
  }
  return undefined;
}

/**
 * True when the suite cannot run here and may be left out.
 * @throws Error when it was required all the same
 */
export function mustSkip(suite: string, missing: readonly string[]): boolean {
  if (missing.length === 0) return false;
  const required = (process.env['VITRINE_REQUIRE_SUITES'] ?? '').split(',');
  if (required.includes(suite)) throw new Error(`suite ${suite} is required, but these are missing: ${missing.join(', ')}`);
  return true;
}
