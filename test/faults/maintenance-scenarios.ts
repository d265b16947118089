/** What the server does by itself: the scenarios of expiry, collection, repair, scrubbing, purging, and of jobs as such. */
import { randomBytes } from 'node:crypto';
import { newObjectKey } from '#blobs/blobs.ts';
import { NotYet } from './fault-errors.ts';
import { createDraft, createPublished, findKey, hexSha256, put, remove, runJob, sizes } from './fault-steps.ts';
import { appendTus, createTus } from './fault-tus.ts';
import { persist, revive, type World } from './fault-world.ts';
import { delayedDelete, type Scenario } from './upload-scenarios.ts';

const expireUploads: Scenario = async (world) => {
  const bytes = randomBytes(300_000);
  const upload = { id: await createDraft(world), path: 'left', bytes, chunkBytes: 100_000 };
  await createTus(world, upload);
  await persist(world, () => appendTus(world, upload));
  await world.sql.query({ text: `UPDATE upload_session SET expires_at = clock_timestamp() - interval '1 second'` });
  return () => runJob(world, 'uploads:expire');
};

const expireDrafts: Scenario = async (world) => {
  const id = await createDraft(world);
  await put(world, id, 'one', randomBytes(sizes(world).small));
  await world.sql.query({ text: `UPDATE artifact SET expires_at = now() - interval '1 second' WHERE id = $1` }, [id]);
  return async () => {
    await runJob(world, 'drafts:expire');
    noteDeleted(world, id);
  };
};

const collect: Scenario = async (world) => {
  const shared = await createPublished(world);
  const id = await createDraft(world);
  for (const path of ['one', 'two']) await put(world, id, path, randomBytes(sizes(world).small));
  await remove(world, id);
  return async () => {
    await runJob(world, 'blobs:collect', { graceMs: 0 });
    if (!world.ledger.published.has(shared)) throw new Error('the log has lost an artifact');
  };
};

const repairStray: Scenario = async (world) => {
  await world.store.write(newObjectKey(), randomBytes(1000));
  return () => runJob(world, 'stores:reconcile', { repair: true, strayAgeMs: 0 });
};

const repairUnfinished: Scenario = async (world) => {
  await world.store.leaveUnfinished(newObjectKey());
  return () => runJob(world, 'stores:reconcile', { repair: true, strayAgeMs: 0 });
};

/** An object is gone: its place is taken from its readers, and healed by whoever sends the bytes again. */
const repairMissing: Scenario = async (world) => {
  const id = await createPublished(world);
  const other = await createDraft(world);
  const bytes = randomBytes(sizes(world).small);
  await put(world, other, 'lost', bytes);
  await world.store.remove(await findKey(world, hexSha256(bytes)));
  return async () => {
    // What fails on the way is in the report, and left to the next run.
    await persist(world, async () => {
      await runJob(world, 'stores:reconcile', { repair: true, strayAgeMs: 0 });
      await expectState(world, hexSha256(bytes), 'quarantined');
    });
    await put(world, other, 'lost', bytes);
    if (!world.ledger.published.has(id)) throw new Error('the log has lost an artifact');
  };
};

const scrub: Scenario = async (world) => {
  await createPublished(world);
  return () => runJob(world, 'blobs:scrub', { olderThanMs: 0 });
};

/** Bytes that turned bad are found, and taken back when they are good again. */
const scrubDamaged: Scenario = async (world) => {
  const { id, bytes, key } = await damage(world);
  return async () => {
    await runJob(world, 'blobs:scrub', { olderThanMs: 0 });
    await expectState(world, hexSha256(bytes), 'quarantined');
    await world.store.write(key, bytes);
    await runJob(world, 'blobs:scrub', { olderThanMs: 0 });
    await expectState(world, hexSha256(bytes), 'live');
    if (!world.ledger.blobs.has(id)) throw new Error('the log has lost an artifact');
  };
};

const purge: Scenario = async (world) => {
  await revive(world, delayedDelete);
  const id = await createPublished(world);
  await remove(world, id);
  await world.sql.query({ text: `UPDATE artifact SET expires_at = now() - interval '1 second' WHERE id = $1` }, [id]);
  return () => runJob(world, 'artifacts:purge');
};

const job: Scenario = async (world) => () => runJob(world, 'keys:expire');

const schedule: Scenario = async (world) => {
  await revive(world, { VITRINE_JOBS_EXPIRE_KEYS_EVERY_MS: '1000' });
  return () =>
    persist(world, async () => {
      const struck = await world.server.struck();
      if (struck.length === 0) throw new NotYet('no schedule was due');
      await runJob(world, 'keys:expire');
    });
};

export const maintenanceScenarios = {
  ...{ expireUploads, expireDrafts, collect, repairStray, repairUnfinished, repairMissing, scrub, scrubDamaged },
  ...{ purge, job, schedule },
} satisfies Readonly<Record<string, Scenario>>;

function noteDeleted({ ledger }: World, id: string): void {
  ledger.blobs.delete(id);
  ledger.deleted.add(id);
}

async function damage(world: World): Promise<{ id: string; bytes: Buffer; key: string }> {
  const id = await createDraft(world);
  const bytes = randomBytes(sizes(world).small);
  await put(world, id, 'bad', bytes);
  const key = await findKey(world, hexSha256(bytes));
  const bad = Buffer.from(bytes);
  bad[1000] = (bad[1000] ?? 0) ^ 1;
  await world.store.write(key, bad);
  return { id, bytes, key };
}

async function expectState({ sql }: World, sha256: string, state: string): Promise<void> {
  const rows = await sql.query<{ state: string }>(
    { text: 'SELECT l.state FROM location l JOIN blob b ON b.id = l.blob_id WHERE b.digest_value = $1' },
    [sha256],
  );
  const states = rows.map((row) => row.state);
  if (!states.includes(state)) throw new NotYet(`the place of sha256:${sha256} is ${states.join(', ')}, not ${state}`);
}
