/** The judge: what the database says by SQL, what the store has by somebody else's tools, and what the server had acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises';
import { runJob } from './fault-steps.ts';
import type { World } from './fault-world.ts';
import type { OutsideObject } from './outside-store.ts';

interface PlaceRow {
  readonly artifact: string;
  readonly path: string;
  readonly sha256: string;
  readonly keys: readonly string[] | null;
}

/** Time passes: what nobody goes on with is past its time; then maintenance runs, as schedules would have it. */
export async function settle(world: World): Promise<void> {
  await world.sql.query({
    text: `UPDATE upload_session SET expires_at = clock_timestamp() - interval '1 second',
      writer_expires_at = CASE WHEN writer IS NULL THEN NULL ELSE clock_timestamp() - interval '1 second' END`,
  });
  await runJob(world, 'uploads:expire');
  await runJob(world, 'stores:reconcile', { repair: true, strayAgeMs: 0 });
  await runJob(world, 'blobs:collect', { graceMs: 0 });
}

/** Everything that is not as it must be; empty is good. */
export async function judge(world: World): Promise<readonly string[]> {
  const [objects, leftovers] = await Promise.all([world.store.objects(), world.store.leftovers()]);
  const stored = new Map(objects.map(({ key, sha256 }) => [key, sha256]));
  const places = await world.sql.query<PlaceRow>({
    text: `SELECT ab.artifact_id AS artifact, ab.path, b.digest_value AS sha256,
        (SELECT array_agg(l.object_key) FROM location l WHERE l.blob_id = b.id AND l.state = 'live') AS keys
      FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id`,
  });
  return [
    ...judgeReferences(places, stored),
    ...judgeLedger(world, places),
    ...(await judgeArtifacts(world)),
    ...(await judgeGarbage(world, objects)),
    ...leftovers.map((file) => `left in the store: ${file}`),
    ...(await judgeJobs(world)),
  ];
}

/** No reference dangles: each blob has a live place with the right bytes. */
function judgeReferences(places: readonly PlaceRow[], stored: ReadonlyMap<string, string>): string[] {
  return places
    .filter(({ keys, sha256 }) => !(keys ?? []).some((key) => stored.get(key) === sha256))
    .map(
      ({ artifact, path, sha256, keys }) =>
        `${artifact} ${path}: sha256:${sha256} is not in ${keys?.join(', ') ?? 'any live place'}`,
    );
}

/** Nothing that was acknowledged is lost. */
function judgeLedger({ ledger }: World, places: readonly PlaceRow[]): string[] {
  const known = new Set(places.map(({ artifact, path, sha256 }) => `${artifact} ${path} ${sha256}`));
  return [...ledger.blobs].flatMap(([artifact, paths]) =>
    [...paths]
      .map(([path, sha256]) => `${artifact} ${path} ${sha256}`)
      .filter((line) => !known.has(line))
      .map((line) => `acknowledged and lost: ${line}`),
  );
}

async function judgeArtifacts({ sql, ledger }: World): Promise<string[]> {
  const rows = await sql.query<{ id: string; state: string }>({ text: 'SELECT id, state FROM artifact' });
  const states = new Map(rows.map(({ id, state }) => [id, state]));
  return [
    ...[...ledger.published]
      .filter((id) => states.get(id) !== 'active')
      .map((id) => `published, and is ${states.get(id)}: ${id}`),
    ...[...ledger.deleted]
      .filter((id) => !['deleted', 'pending_delete'].includes(states.get(id) ?? ''))
      .map((id) => `deleted, and is ${states.get(id)}: ${id}`),
  ];
}

/** After expiry, repair and collection nothing is left that nobody refers to. */
async function judgeGarbage({ sql }: World, objects: readonly OutsideObject[]): Promise<string[]> {
  const live = await sql.query<{ key: string }>({ text: `SELECT object_key AS key FROM location WHERE state = 'live'` });
  const keys = new Set(live.map(({ key }) => key));
  const rows = await sql.query<{ what: string }>({
    text: `SELECT 'location ' || id || ' ' || state AS what FROM location WHERE state <> 'live'
      UNION ALL SELECT 'blob ' || id FROM blob b WHERE NOT EXISTS (SELECT 1 FROM artifact_blob ab WHERE ab.blob_id = b.id)
      UNION ALL SELECT 'session ' || id || ' ' || kind || ' ' || state FROM upload_session
      UNION ALL SELECT 'lease ' || id FROM lease
      UNION ALL SELECT 'stray ' || object_key FROM stray_object`,
  });
  return [
    ...objects.filter(({ key }) => !keys.has(key)).map(({ key }) => `an object without a row: ${key}`),
    ...rows.map(({ what }) => `left in the database: ${what}`),
  ];
}

/** Jobs may still be about to end; none fails for good, and none runs for ever. */
async function judgeJobs({ sql }: World): Promise<string[]> {
  for (let waited = 0; ; waited += 100) {
    const jobs = await sql.query<{ what: string; isOver: boolean }>({
      text: `SELECT name || ' ' || state || ' ' || coalesce(output::text, '') AS what, state = 'failed' AS "isOver" FROM vitrine_jobs.job
        WHERE state IN ('active', 'failed') OR (state IN ('created', 'retry') AND start_after <= now())`,
    });
    const failed = jobs.filter(({ isOver }) => isOver);
    if (failed.length === jobs.length || waited > 10_000) return jobs.map(({ what }) => `a job: ${what}`);
    await sleep(100);
  }
}
