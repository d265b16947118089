/** Runs a command of this process, with what it printed collected, in a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '#cli/cli.ts';

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly url?: string;
  readonly token?: string;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  readonly isTerminal?: boolean;
  /** Where drafts that are to be gone on with are remembered; nowhere where left out. */
  readonly cache?: string;
  readonly attemptsMax?: number;
}

export async function runVitrine(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  let out = '';
  let err = '';
  const code = await runCommand(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    isTerminal: options.isTerminal ?? false,
    env: { VITRINE_URL: options.url, VITRINE_TOKEN: options.token, XDG_CACHE_HOME: options.cache },
    cwd: options.cwd ?? '/',
    patience: { attemptsMax: options.attemptsMax ?? 3, firstPauseMs: 1 },
    signal: options.signal ?? new AbortController().signal,
  });
  return { code, out, err };
}

export async function createFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'vitrine-cli-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
