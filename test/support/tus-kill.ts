/** A Vitrine that is killed and started again on its data folder while a tus client uploads through a proxy that stays. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CutProxy, startCutProxy } from './cut-proxy.ts';
import { startVitrine, type VitrineProcess } from './vitrine-process.ts';

export interface KilledVitrine extends AsyncDisposable {
  readonly proxy: CutProxy;
  /** The one that runs now. */
  vitrine(): VitrineProcess;
  /** SIGKILL if it has not died already, then a new one on the same folder, behind the same proxy, without failpoints. */
  killAndRestart(): Promise<void>;
}

/** @param failpoints of the first one */
export async function startKilledVitrine(failpoints?: string): Promise<KilledVitrine> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vitrine-tus-kill-'));
  let current = await startVitrine({ dataDir, env: failpoints === undefined ? {} : { VITRINE_TEST_FAILPOINTS: failpoints } });
  const proxy = await startCutProxy(current.url);
  return {
    proxy,
    vitrine: () => current,
    async killAndRestart() {
      await current.stop('SIGKILL');
      current = await startVitrine({ dataDir });
      proxy.target = current.url;
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await current.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A draft of a type with a slot for any files. */
export async function createBundle(url: string, name: string): Promise<string> {
  const query = `mutation ($input: CreateArtifactInput!) {
    createArtifact(input: $input) { __typename ... on ArtifactPayload { artifact { id } } } }`;
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { input: { type: 'bundle', name } } }),
  });
  const { data, errors } = (await response.json()) as {
    data: { createArtifact: { artifact: { id: string } } };
    errors?: unknown;
  };
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data.createArtifact.artifact.id;
}

export interface UploadStatus {
  readonly state: string;
  readonly offset: number;
  readonly length: number | null;
  readonly entry?: { readonly sha256: string; readonly url: string };
}

/** Until the upload is over, well or not. */
export async function untilOver(url: string, path: string): Promise<UploadStatus> {
  for (let waited = 0; waited < 60_000; waited += 100) {
    const status = (await (await fetch(`${url}${path}`)).json()) as UploadStatus;
    if (!['open', 'receiving', 'verifying'].includes(status.state)) return status;
    await sleep(100);
  }
  throw new Error('the upload did not end');
}
