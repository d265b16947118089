/** What clients do: the scenarios of uploads, negotiation, publishing and deleting. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refused } from './fault-errors.ts';
import {
  createDraft,
  createPublished,
  hexSha256,
  negotiate,
  publish,
  put,
  remove,
  restore,
  sendPack,
  sizes,
} from './fault-steps.ts';
import { abortTus, appendTus, createTus, finishTus, type TusUpload } from './fault-tus.ts';
import { type FaultWorld, persist, revive, type World } from './fault-world.ts';

/** What comes first runs undisturbed; what it answers is disturbed. */
export type Scenario = (world: FaultWorld) => Promise<() => Promise<void>>;

/** What a server is started with whose deletes can be taken back. */
export const delayedDelete = { VITRINE_DELETE_DELAY_MS: '3600000' };

const putSmall: Scenario = async (world) => {
  const id = await createDraft(world);
  const bytes = randomBytes(sizes(world).small);
  return () => put(world, id, 'small', bytes);
};

const putLarge: Scenario = async (world) => {
  const id = await createDraft(world);
  const bytes = randomBytes(sizes(world).large);
  return () => put(world, id, 'large', bytes);
};

/** Into a place that holds other bytes: they must be there until the new ones are. */
const putAgain: Scenario = async (world) => {
  const id = await createDraft(world);
  await put(world, id, 'again', randomBytes(sizes(world).small));
  const bytes = randomBytes(sizes(world).small);
  return () => put(world, id, 'again', bytes);
};

const tusInParts: Scenario = async (world) => {
  const upload = await planTus(world);
  return () => finishTus(world, { ...upload, chunkBytes: upload.bytes.length >> 1 });
};

/** The process that hashed the first bytes is gone when the last ones come. */
const tusReadBack: Scenario = async (world) => {
  const upload = { ...(await planTus(world)), chunkBytes: 100_000 };
  await createTus(world, upload);
  await persist(world, () => appendTus(world, upload));
  await revive(world);
  return () => finishTus(world, { ...upload, chunkBytes: upload.bytes.length });
};

/** Bytes that are not what was declared: the upload fails, and nothing stays of it. */
const tusMismatch: Scenario = async (world) => {
  const upload = { ...(await planTus(world)), sha256: '0'.repeat(64) };
  await createTus(world, upload);
  return async () => {
    const outcome = await finishTus(world, upload).catch((error: unknown) => error);
    const isExpected = outcome instanceof Refused && outcome.code === 'BLOB_DIGEST_MISMATCH';
    if (!isExpected) throw new Error('bytes that were declared otherwise were taken', { cause: outcome });
  };
};

const tusAbort: Scenario = async (world) => {
  const upload = { ...(await planTus(world)), chunkBytes: 100_000 };
  await createTus(world, upload);
  await persist(world, () => appendTus(world, upload));
  return () => abortTus(world, upload.url ?? '');
};

const tusConcat: Scenario = async (world) => {
  const whole = await planTus(world);
  const middle = whole.bytes.length >> 1;
  const parts: TusUpload[] = [whole.bytes.subarray(0, middle), whole.bytes.subarray(middle)].map((bytes) => {
    return { id: whole.id, path: '', bytes, isPart: true };
  });
  for (const part of parts) await finishTus(world, part);
  return () => finishTus(world, { ...whole, parts });
};

/** Another request comes while the first still sends, as after a connection that died without a word. */
const tusHandOver: Scenario = async (world) => {
  const upload = await planTus(world);
  await createTus(world, upload);
  return async () => {
    const { bytes, url = '' } = upload;
    const slow = httpRequest(`${world.server.url()}${url}`, {
      method: 'PATCH',
      headers: {
        ...{ 'tus-resumable': '1.0.0', 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
        'content-length': String(bytes.length),
      },
    });
    slow.on('error', () => undefined).on('response', (response) => response.resume());
    slow.write(bytes.subarray(0, 100_000));
    await sleep(300);
    await finishTus(world, upload);
    slow.destroy();
    if (!slow.closed) await once(slow, 'close');
  };
};

/** Many small ones in one request; of one of them the bytes are there already. */
const packMany: Scenario = async (world) => {
  const known = await createDraft(world);
  const bytes = randomBytes(sizes(world).small);
  await put(world, known, 'known', bytes);
  const id = await createDraft(world);
  const members = new Map([['known', bytes], ...['one', 'two', 'three'].map((path) => [path, randomBytes(3000)] as const)]);
  return () => sendPack(world, id, members);
};

const negotiateKnown: Scenario = async (world) => {
  const known = await createPublished(world);
  const sha256 = world.ledger.blobs.get(known)?.get('one') ?? '';
  const id = await createDraft(world);
  return async () => {
    const state = await negotiate(world, id, 'known', sha256, sizes(world).small);
    if (state !== 'HAVE') throw new Error(`known bytes are to be sent: ${state}`);
  };
};

const publishDraft: Scenario = async (world) => {
  const id = await createDraft(world, '1.0.0');
  await put(world, id, 'one', randomBytes(sizes(world).small));
  return () => publish(world, id);
};

const deletePublished: Scenario = async (world) => {
  const id = await createPublished(world);
  return () => remove(world, id);
};

/** Within the delay; its bytes must be there still. */
const restoreDeleted: Scenario = async (world) => {
  await revive(world, delayedDelete);
  const id = await createPublished(world);
  const kept = world.ledger.blobs.get(id);
  await remove(world, id);
  return async () => {
    await restore(world, id);
    if (kept !== undefined) world.ledger.blobs.set(id, kept);
  };
};

export const uploadScenarios = {
  ...{ putSmall, putLarge, putAgain, tusInParts, tusReadBack, tusMismatch, tusAbort, tusConcat, tusHandOver },
  ...{ packMany, negotiateKnown, publishDraft, deletePublished, restoreDeleted },
} satisfies Readonly<Record<string, Scenario>>;

async function planTus(world: World): Promise<TusUpload> {
  const bytes = randomBytes(300_000);
  return { id: await createDraft(world), path: `tus-${hexSha256(bytes).slice(0, 8)}`, bytes };
}
