/** The steps scenarios are made of, each as a client does it, again and again until it is done; what is acknowledged is noted. */
import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { mutate, request } from './fault-client.ts';
import { NotYet, Refused } from './fault-errors.ts';
import { acknowledge, persist, type World } from './fault-world.ts';

export const hexSha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Takes no way of its own: small files and large ones differ in the filesystem store, parts in S3. */
export function sizes({ store }: World): { readonly small: number; readonly large: number } {
  return store.kind === 'filesystem' ? { small: 20_000, large: 300_000 } : { small: 20_000, large: 9 * 1024 * 1024 };
}

export async function createDraft(world: World, version?: string): Promise<string> {
  const id = crypto.randomUUID();
  const input = { id, type: 'bundle', name: `faults-${id}`, idempotencyKey: id, ...(version === undefined ? {} : { version }) };
  await persist(world, () => mutate(world, 'createArtifact', input, '... on ArtifactPayload { artifact { id } }'));
  world.ledger.blobs.set(id, new Map());
  return id;
}

export async function put(world: World, id: string, path: string, bytes: Buffer): Promise<void> {
  const { json } = await persist(world, () =>
    request(world, 'PUT', `/api/v1/artifacts/${id}/slots/files/${path}`, {
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes,
    }),
  );
  acknowledge(world, id, path, String(json['sha256']));
  if (json['sha256'] !== hexSha256(bytes)) throw new Error(`${path}: another digest was acknowledged`);
}

/** All of them in one request, as a tar. */
export async function sendPack(world: World, id: string, members: ReadonlyMap<string, Buffer>): Promise<void> {
  const tar = pack();
  for (const [path, bytes] of members) tar.entry({ name: `files/${path}` }, bytes);
  tar.finalize();
  const body = await buffer(tar);
  const headers = { 'content-type': 'application/x-tar' };
  await persist(world, async () => {
    const { json } = await request(world, 'POST', `/api/v1/artifacts/${id}/packs`, { headers, body });
    for (const { path, sha256, problem } of json['members'] as readonly PackedMember[]) {
      if (problem !== undefined) throw new Refused(200, problem.code, `a member of a pack: ${problem.code}`);
      acknowledge(world, id, path, sha256);
    }
  });
}

interface PackedMember {
  readonly path: string;
  readonly sha256: string;
  readonly problem?: { readonly code: string };
}

export async function publish(world: World, id: string): Promise<void> {
  const input = { id, idempotencyKey: `publish-${id}` };
  await persist(world, () => mutate(world, 'publishArtifact', input, '... on ArtifactPayload { artifact { id } }'));
  world.ledger.published.add(id);
}

/** Gone already is as good. */
export async function remove(world: World, id: string): Promise<void> {
  await persist(world, async () => {
    await mutate(world, 'deleteArtifact', { id }, '... on ArtifactPayload { artifact { id } }').catch((error: unknown) => {
      if (!(error instanceof Refused) || !['ARTIFACT_NOT_FOUND', 'ARTIFACT_DELETED'].includes(error.code)) throw error;
    });
  });
  world.ledger.blobs.delete(id);
  world.ledger.published.delete(id);
  world.ledger.deleted.add(id);
}

/** Back already is as good. */
export async function restore(world: World, id: string): Promise<void> {
  await persist(world, async () => {
    await mutate(world, 'restoreArtifact', { id }, '... on ArtifactPayload { artifact { id } }').catch((error: unknown) => {
      if (!(error instanceof Refused) || error.code !== 'STATE_CONFLICT') throw error;
    });
  });
  world.ledger.deleted.delete(id);
  world.ledger.published.add(id);
}

export async function createPublished(world: World): Promise<string> {
  const id = await createDraft(world, '1.0.0');
  await put(world, id, 'one', randomBytes(sizes(world).small));
  await publish(world, id);
  return id;
}

/** @returns what came of each offer: HAVE or SEND */
export async function negotiate(world: World, id: string, path: string, sha256: string, sizeBytes: number): Promise<string> {
  const input = { artifactId: id, blobs: [{ slot: 'files', path, sizeBytes, sha256 }] };
  const selection = '... on NegotiateUploadsPayload { blobs { state } }';
  const { blobs } = await persist(world, () =>
    mutate<{ blobs: readonly { state: string }[] }>(world, 'negotiateUploads', input, selection),
  );
  const state = blobs[0]?.state ?? '';
  if (state === 'HAVE') acknowledge(world, id, path, sha256);
  return state;
}

/** Asks for a job and waits until it is done. @throws Error when it failed for good */
export async function runJob(world: World, name: string, payload: object = {}): Promise<void> {
  const selection = '... on JobPayload { job { id } }';
  const asked = await persist(world, () => mutate<{ job: { id: string } }>(world, 'runJob', { name, payload }, selection));
  await persist(world, async () => {
    const [job] = await world.sql.query<{ state: string; output: object | null }>(
      { text: 'SELECT state::text, output FROM vitrine_jobs.job WHERE id = $1' },
      [asked.job.id],
    );
    if (job?.state === 'completed') return;
    if (job?.state === 'failed' || job?.state === 'cancelled') throw new Error(`${name} failed: ${JSON.stringify(job.output)}`);
    throw new NotYet(`${name} is ${job?.state}`);
  });
}

/** Where an object lies, by the rows. */
export async function findKey({ sql }: World, sha256: string): Promise<string> {
  const [row] = await sql.query<{ key: string }>(
    {
      text: `SELECT l.object_key AS key FROM location l JOIN blob b ON b.id = l.blob_id
        WHERE b.digest_value = $1 AND l.state IN ('live', 'quarantined')`,
    },
    [sha256],
  );
  if (row === undefined) throw new Error(`sha256:${sha256} is nowhere`);
  return row.key;
}
