/** A Vitrine of its own for benchmarks that move bytes: embedded database, a folder as store, and its peak memory. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '#test/support/free-port.ts';

export interface BytesServer extends AsyncDisposable {
  readonly url: string;
  /** The id of a new draft with a slot for any files. */
  createDraft(): Promise<string>;
  /** Forgets the peak so far, where the kernel lets it. */
  resetPeak(): Promise<void>;
  /** The largest it has been in memory (VmHWM), MiB. */
  peakMib(): Promise<number>;
}

export async function startBytesServer(): Promise<BytesServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vitrine-bench-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '../src/launch.js'), 'serve', '--port', String(port), '--data-dir', dataDir],
    { env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const stop = async (): Promise<void> => {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
    await rm(dataDir, { recursive: true, force: true });
  };
  for (let tries = 0; !(await isReady(url)); tries += 1) {
    if (tries === 600 || child.exitCode !== null) throw new Error('the server did not become ready');
    await sleep(100);
  }
  let drafts = 0;
  return {
    url,
    createDraft: async () => {
      drafts += 1;
      return createDraft(url, `bench-${drafts}`);
    },
    resetPeak: () => writeFile(`/proc/${child.pid}/clear_refs`, '5').catch(() => undefined),
    peakMib: async () => Number(/VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
    [Symbol.asyncDispose]: stop,
  };
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  );
}

async function createDraft(url: string, name: string): Promise<string> {
  const query = `mutation ($input: CreateArtifactInput!) {
    createArtifact(input: $input) { ... on ArtifactPayload { artifact { id } } } }`;
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { input: { type: 'bundle', name } } }),
  });
  const { data } = (await response.json()) as { data: { createArtifact: { artifact: { id: string } } } };
  return data.createArtifact.artifact.id;
}
