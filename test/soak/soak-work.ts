/** What each client of the soak does at full speed: push, publish, pull, delete, yank, and send again what was just deleted. */
import { randomUUID } from 'node:crypto';
import { createSoakClient, type SoakClient } from './soak-client.ts';
import { bytesOf, type Content, type Ledger, type Pushed, sha256, sha256Of } from './soak-ledger.ts';
import { createSender, type Sender } from './soak-send.ts';
import type { SoakNode } from './soak-servers.ts';

/** Live artifacts of one client: above it, some are deleted first. */
const liveMax = 60;
const kibibyte = 1024;

interface Worker {
  readonly index: number;
  readonly client: SoakClient;
  readonly sender: Sender;
  readonly ledger: Ledger;
  readonly family: string;
  pushes: number;
}

/** Until it is told to stop; what it cannot explain is a violation, and it goes on. */
export async function runWorker(index: number, nodes: readonly SoakNode[], ledger: Ledger, signal: AbortSignal): Promise<void> {
  const client = createSoakClient(nodes, ledger);
  const sender = createSender(client, ledger);
  const worker: Worker = { index, client, sender, ledger, family: `soak-${index}`, pushes: 0 };
  const deeds = [push, push, push, pull, pull, pull, remove, remove, yank, resolve];
  while (!signal.aborted) {
    const mine = ownPublished(worker);
    const deed = mine.length > liveMax ? remove : mine.length < 3 ? push : oneOf(deeds);
    try {
      await deed(worker);
    } catch (error) {
      ledger.violate(`client ${index}, ${deed.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

async function push(worker: Worker): Promise<void> {
  const { client, ledger, family } = worker;
  worker.pushes += 1;
  const id = randomUUID();
  const version = `1.${worker.pushes}.0`;
  const made = await client.mutate('createArtifact', {
    id,
    type: 'bundle',
    name: family,
    version,
    idempotencyKey: `create ${id}`,
  });
  if (made.code !== undefined) throw new Error(`createArtifact: ${made.code}`);
  if (Math.random() < 0.1) {
    await leaveDraft(worker, id);
    return;
  }
  const files = new Map<string, Content>();
  const count = 1 + Math.floor(Math.random() * 4);
  for (let number = 0; number < count; number += 1) files.set(`folder/file-${number}`, chooseContent(worker));
  await sendAll(worker, id, files);
  const published = await client.mutate('publishArtifact', { id, idempotencyKey: `publish ${id}` });
  if (published.code !== undefined) throw new Error(`publishArtifact: ${published.code}`);
  const entry: Pushed = { id, family, version, client: worker.index, files, state: 'published', isYanked: false };
  ledger.pushed.push(entry);
  ledger.count('published');
  if (Math.random() < 0.3) await pullOne(worker, entry);
}

/** What is never published: deleted, or left to expire, with uploads that nobody goes on with. */
async function leaveDraft({ client, sender, ledger }: Worker, id: string): Promise<void> {
  await sender.put({ artifactId: id, path: 'sent' }, newContent());
  await sender.abandon({ artifactId: id, path: 'begun' }, { ...newContent(), sizeBytes: 2_000 * kibibyte });
  if (Math.random() < 0.5) {
    const { code, isRepeated } = await client.mutate('deleteArtifact', { id });
    if (code !== undefined && !(isRepeated && code === 'ARTIFACT_NOT_FOUND'))
      throw new Error(`deleteArtifact of a draft: ${code}`);
    ledger.count('drafts deleted');
  } else ledger.count('drafts left to expire');
}

async function sendAll(worker: Worker, artifactId: string, files: ReadonlyMap<string, Content>): Promise<void> {
  const { client, sender, ledger } = worker;
  const held = Math.random() < 0.5 ? await negotiate(worker, artifactId, files) : new Set<string>();
  for (const [path, content] of files) {
    const place = { artifactId, path };
    if (held.has(path)) continue;
    if (Math.random() < 0.4) await sender.tus(place, content);
    else await sender.put(place, content);
    if (Math.random() > 0.05) continue;
    const url = `/api/v1/artifacts/${artifactId}/slots/files/${path}`;
    const { code, isRepeated } = await client.send('DELETE', url);
    if (code !== undefined && !(isRepeated && code === 'BLOB_NOT_FOUND')) throw new Error(`DELETE ${url}: ${code}`);
    ledger.count('files taken out of drafts');
    await sender.put(place, content);
  }
}

async function negotiate({ client, ledger }: Worker, artifactId: string, files: ReadonlyMap<string, Content>) {
  const blobs = [...files].map(([path, content]) => ({
    ...{ slot: 'files', path, sizeBytes: content.sizeBytes, sha256: sha256Of(content) },
  }));
  const selection = '... on NegotiateUploadsPayload { blobs { path state entry { sha256 } } }';
  const { code, result } = await client.mutate('negotiateUploads', { artifactId, blobs }, selection);
  if (code !== undefined) throw new Error(`negotiateUploads: ${code}`);
  const held = (result.blobs as { path: string; state: string }[]).filter(({ state }) => state === 'HAVE');
  ledger.count('negotiated: have it', held.length);
  ledger.count('negotiated: send it', files.size - held.length);
  return new Set(held.map(({ path }) => path));
}

async function pull(worker: Worker): Promise<void> {
  const published = worker.ledger.published();
  if (published.length > 0) await pullOne(worker, oneOf(published));
}

/** Any client's; that another deletes it meanwhile is the only excuse. */
async function pullOne({ client, ledger }: Worker, entry: Pushed): Promise<void> {
  const isExcused = (): boolean => entry.state !== 'published';
  for (const [path, content] of entry.files) {
    const url = `/api/v1/artifacts/${entry.id}/slots/files/${path}`;
    const from = Math.random() < 0.25 && content.sizeBytes > 1 ? Math.floor(Math.random() * content.sizeBytes) : undefined;
    const headers: Record<string, string> = from === undefined ? {} : { range: `bytes=${from}-` };
    try {
      const reply = await client.send('GET', url, { headers, isExcused });
      if (reply.code !== undefined) throw new Error(`GET ${url}: ${reply.code}`);
      const expected = from === undefined ? sha256Of(content) : sha256(bytesOf(content).subarray(from));
      if (sha256(reply.body) !== expected) throw new Error(`GET ${url}: ${reply.body.length} bytes that are not those sent`);
      ledger.count('bytes pulled', reply.body.length);
    } catch (error) {
      if (!isExcused()) throw error;
      ledger.count('pulls of what was deleted meanwhile');
      return;
    }
  }
  ledger.count('pulled');
}

async function remove(worker: Worker): Promise<void> {
  const { client, ledger } = worker;
  const mine = ownPublished(worker);
  if (mine.length === 0) return;
  const entry = oneOf(mine);
  entry.state = 'deleting';
  const { code, isRepeated } = await client.mutate('deleteArtifact', { id: entry.id });
  if (code !== undefined && !(isRepeated && code === 'ARTIFACT_NOT_FOUND')) throw new Error(`deleteArtifact: ${code}`);
  entry.state = 'deleted';
  ledger.justDeleted.push(...entry.files.values());
  ledger.justDeleted.splice(0, ledger.justDeleted.length - 40);
  ledger.count('deleted');
  const [path] = entry.files.keys();
  const gone = await client.send('GET', `/api/v1/artifacts/${entry.id}/slots/files/${path}`);
  if (gone.code !== 'ARTIFACT_NOT_FOUND') throw new Error(`GET of a deleted artifact: ${gone.status} ${gone.code}`);
  ledger.count('not found after its own delete');
}

async function yank(worker: Worker): Promise<void> {
  const mine = ownPublished(worker);
  if (mine.length === 0) return;
  const entry = oneOf(mine);
  const { code } = await worker.client.mutate(entry.isYanked ? 'unyankArtifact' : 'yankArtifact', { id: entry.id });
  if (code !== undefined) throw new Error(`yank: ${code}`);
  entry.isYanked = !entry.isYanked;
  worker.ledger.count(entry.isYanked ? 'yanked' : 'unyanked');
}

/** Its own family is changed by this client only, so that it knows the answer. */
async function resolve(worker: Worker): Promise<void> {
  const { client, ledger, family } = worker;
  const versions = ownPublished(worker).filter(({ isYanked }) => !isYanked);
  const latest = versions.toSorted((a, b) => minorOf(a) - minorOf(b)).at(-1);
  const text = 'query ($ref: String!) { resolve(ref: $ref) { artifact { id version } } }';
  const { code, result } = await client.query(text, { ref: `bundle/${family}@^1.0.0` });
  if (latest === undefined) ledger.count(`resolved: ${code}`);
  else if (code !== undefined || result.resolve.artifact.id !== latest.id) {
    throw new Error(`resolve: ${code ?? result.resolve.artifact.version} where ${latest.version} is the latest`);
  } else ledger.count('resolved');
}

const minorOf = ({ version }: Pushed): number => Number(version.split('.')[1]);

function ownPublished({ ledger, index }: Worker): readonly Pushed[] {
  return ledger.published().filter(({ client }) => client === index);
}

let lastSeed = 1_000;

function newContent(): Content {
  lastSeed += 1;
  return { seed: lastSeed, sizeBytes: sizeFor(Math.random()) };
}

/** Of its own, shared with others, or just deleted and perhaps being collected now. */
function chooseContent({ ledger }: Worker): Content {
  const chance = Math.random();
  if (chance < 0.4 && ledger.justDeleted.length > 0) {
    ledger.count('contents sent again after their delete');
    return oneOf(ledger.justDeleted);
  }
  return chance < 0.7 ? oneOf(shared) : newContent();
}

const shared: readonly Content[] = Array.from({ length: 24 }, (_, seed) => ({ seed, sizeBytes: sizeFor((seed + 0.5) / 24) }));

/** Mostly small; one in a hundred has several parts in the store. */
function sizeFor(chance: number): number {
  if (chance < 0.02) return 0;
  if (chance < 0.65) return Math.floor(chance * 96 * kibibyte);
  if (chance < 0.93) return Math.floor(chance * 900 * kibibyte);
  return Math.floor((chance < 0.99 ? 5 : 20) * chance * 1024 * kibibyte);
}

function oneOf<Item>(items: readonly Item[]): Item {
  const item = items[Math.floor(Math.random() * items.length)];
  if (item === undefined) throw new Error('nothing to choose from');
  return item;
}
