/** Kills a server with SIGKILL while uploads come in, starts it again on its data folder, and checks what it still says. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { startVitrine, type VitrineProcess } from './vitrine-process.ts';

export interface KillReport {
  readonly rounds: number;
  /** Uploads that were answered with success before a kill, and had to be there after it. */
  readonly answered: number;
  /** Uploads that a kill interrupted. */
  readonly interrupted: number;
  /** Everything that was not as it should be; empty is good. */
  readonly broken: readonly string[];
}

interface Tally {
  answered: number;
  interrupted: number;
  readonly broken: string[];
}

const uploadsPerRound = 6;

export async function killDuringPush(rounds: number): Promise<KillReport> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vitrine-kill-'));
  const tally: Tally = { answered: 0, interrupted: 0, broken: [] };
  try {
    for (let round = 0; round < rounds; round += 1) await runRound(dataDir, round, tally);
    await using last = await startVitrine({ dataDir });
    await checkEverything(last, tally);
    await checkLeftovers(dataDir, tally);
    return { rounds, ...tally };
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function runRound(dataDir: string, round: number, tally: Tally): Promise<void> {
  const vitrine = await startVitrine({ dataDir });
  const drafts = await Promise.all(
    Array.from({ length: uploadsPerRound }, (_, index) => createDraft(vitrine, `kill-${round}-${index}`)),
  );
  const known = new Map<string, string>();
  const enough = Promise.withResolvers<void>();
  const uploads = drafts.map(async (id, index) => {
    // Half are small and end before the kill; half come slowly and are cut by it, sooner or later on their way.
    const isSmall = index % 2 === 0;
    const sha256 = await upload(vitrine, id, randomBytes(isSmall ? 20_000 : 4 * 1024 * 1024), isSmall ? 0 : 5);
    if (sha256 !== undefined) known.set(id, sha256);
    // By what has happened, not by the clock: a busy machine would else be killed before anything did.
    if (known.size > round % (uploadsPerRound / 2)) enough.resolve();
  });
  await Promise.race([enough.promise, Promise.all(uploads)]);
  await sleep(Math.random() * 60);
  await vitrine.stop('SIGKILL');
  await Promise.all(uploads);
  tally.answered += known.size;
  tally.interrupted += drafts.length - known.size;
  await using again = await startVitrine({ dataDir });
  for (const id of drafts) {
    const kept = await fetchBlob(again, id);
    const expected = known.get(id);
    // What was answered is there; what was not may be there whole, or not at all.
    if (expected !== undefined && kept !== expected) tally.broken.push(`${id}: ${expected} was answered, and there is ${kept}`);
    const renewed = await upload(again, id, randomBytes(1000));
    if (renewed === undefined) tally.broken.push(`${id}: its place was not free after the restart`);
  }
  await checkEverything(again, tally);
}

async function createDraft(vitrine: VitrineProcess, name: string): Promise<string> {
  const query = `mutation ($input: CreateArtifactInput!) {
    createArtifact(input: $input) { __typename ... on ArtifactPayload { artifact { id } } } }`;
  const answer = await ask<{ createArtifact: { artifact: { id: string } } }>(vitrine, query, { input: { type: 'bundle', name } });
  return answer.createArtifact.artifact.id;
}

async function ask<Data>(vitrine: VitrineProcess, query: string, variables: object): Promise<Data> {
  const response = await fetch(`${vitrine.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: unknown };
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

/** The digest that was answered, or undefined when there was no good answer. @param pauseMs between two pieces */
async function upload(vitrine: VitrineProcess, id: string, bytes: Buffer, pauseMs = 0): Promise<string | undefined> {
  const pieces = (async function* () {
    for (let start = 0; start < bytes.length; start += 65_536) {
      yield bytes.subarray(start, start + 65_536);
      if (pauseMs > 0) await sleep(pauseMs);
    }
  })();
  try {
    const body = Readable.toWeb(Readable.from(pieces)) as BodyInit;
    const init = { method: 'PUT', body, duplex: 'half' } as RequestInit;
    const response = await fetch(`${vitrine.url}/api/v1/artifacts/${id}/slots/files/a/file`, init);
    if (response.status !== 201) return undefined;
    const { sha256 } = (await response.json()) as { sha256: string };
    return sha256 === createHash('sha256').update(bytes).digest('hex') ? sha256 : 'a wrong digest';
  } catch {
    return undefined;
  }
}

/** The digest of what the server sends; undefined when it has nothing. Checked against what it says it is. */
async function fetchBlob(vitrine: VitrineProcess, id: string): Promise<string | undefined> {
  const response = await fetch(`${vitrine.url}/api/v1/artifacts/${id}/slots/files/a/file`);
  if (response.status === 404) return undefined;
  const bytes = new Uint8Array(await response.arrayBuffer());
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return response.headers.get('etag') === `"sha256:${sha256}"` ? sha256 : `not what its ETag says (status ${response.status})`;
}

interface BlobPage {
  readonly artifacts: {
    readonly nodes: readonly {
      readonly id: string;
      readonly blobs: readonly { readonly url: string; readonly sha256: string; readonly sizeBytes: number | string }[];
    }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

const pageQuery = `query ($after: String) { artifacts(first: 50, after: $after, filter: { state: { in: [draft, active] } }) {
  nodes { id blobs { url sha256 sizeBytes } } pageInfo { hasNextPage endCursor } } }`;

/** Every blob that any artifact refers to can be read whole, and hashes right. */
async function checkEverything(vitrine: VitrineProcess, tally: Tally): Promise<void> {
  let after: string | null = null;
  let isMore = true;
  while (isMore) {
    const { artifacts }: BlobPage = await ask<BlobPage>(vitrine, pageQuery, { after });
    for (const { id, blobs } of artifacts.nodes) {
      for (const blob of blobs) {
        const bytes = new Uint8Array(await (await fetch(`${vitrine.url}${blob.url}`)).arrayBuffer());
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        if (sha256 !== blob.sha256 || bytes.length !== Number(blob.sizeBytes))
          tally.broken.push(`${id}: its blob ${blob.url} is not whole`);
      }
    }
    isMore = artifacts.pageInfo.hasNextPage;
    after = artifacts.pageInfo.endCursor;
  }
}

/** What interrupted uploads wrote is gone: no upload runs now, so that no half-written file is left. */
async function checkLeftovers(dataDir: string, tally: Tally): Promise<void> {
  const files = await readdir(join(dataDir, 'blobs'), { recursive: true, withFileTypes: true });
  const left = files.filter((file) => file.isFile() && basename(file.parentPath) === 'tmp');
  tally.broken.push(...left.map(({ name }) => `${name} is left half written`));
  if (files.filter((file) => file.isFile()).length < 2) tally.broken.push('the store is empty');
}
