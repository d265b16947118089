/** Files of policies for a test, gone with it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface PolicyFolder extends Disposable {
  /** The one file that was asked for. */
  readonly file: string;
  write(name: string, text: string): string;
}

export function createPolicyFolder(text: string): PolicyFolder {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-policy-'));
  const write = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  return {
    file: write('own.cedar', text),
    write,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A policy that changes nothing, but has Cedar decide instead of the table of the shipped ones. */
export function forbidNothing(): PolicyFolder {
  return createPolicyFolder(
    'forbid (principal, action == Action::"job:run", resource) when { principal.project != principal.project };',
  );
}
