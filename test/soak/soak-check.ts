/** The soak's judges, who stand outside: plain SQL, another S3 client, and the ledger of what was acknowledged. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { run } from '../support/vitrine-process.ts';
import { createSoakClient, type SoakClient } from './soak-client.ts';
import { type Ledger, sha256Of } from './soak-ledger.ts';
import { draftTtlMs, type SoakServers } from './soak-servers.ts';

const jobDeadlineMs = 120_000;

/** What is left over while clients work, and by whom it goes; all zero in the end. */
const leftovers = {
  drafts: `SELECT count(*) FROM artifact WHERE state = 'draft'`,
  'open uploads': `SELECT count(*) FROM upload_session WHERE state IN ('open', 'receiving', 'verifying')`,
  'uploads not cleared': `SELECT count(*) FROM upload_session WHERE state NOT IN ('open', 'receiving', 'verifying') AND cleared_at IS NULL
    AND NOT (state = 'finished' AND kind IN ('whole', 'final'))`,
  leases: 'SELECT count(*) FROM lease',
  'locations on their way out': `SELECT count(*) FROM location WHERE state <> 'live'`,
  'blobs that nothing refers to': `SELECT count(*) FROM blob b
    WHERE NOT EXISTS (SELECT FROM artifact_blob ab WHERE ab.blob_id = b.id)`,
} as const;

/** What must not be, ever. */
const wrongs = {
  'references without a live location': `SELECT ab.artifact_id || ' ' || ab.path AS what FROM artifact_blob ab
    WHERE NOT EXISTS (SELECT FROM location l WHERE l.blob_id = ab.blob_id AND l.state = 'live')`,
  'blobs in two places of one store': `SELECT blob_id::text AS what FROM location GROUP BY blob_id, store HAVING count(*) > 1`,
  'quarantined locations': `SELECT object_key AS what FROM location WHERE state = 'quarantined'`,
  'references of what is deleted': `SELECT ab.artifact_id::text AS what FROM artifact_blob ab
    JOIN artifact a ON a.id = ab.artifact_id WHERE a.state = 'deleted'`,
  'jobs that failed for good': `SELECT name || ' ' || id || ' ' || coalesce(output::text, '') AS what FROM vitrine_jobs.job WHERE state = 'failed'`,
} as const;

/** Runs every maintenance until nothing is left over, or for longer than any leftover may live. */
export async function drainSoak(servers: SoakServers, ledger: Ledger): Promise<void> {
  await using sql = await connect(servers.databaseUrl);
  const client = createSoakClient(servers.nodes, ledger);
  const until = performance.now() + draftTtlMs + 60_000;
  for (;;) {
    for (const name of ['uploads:expire', 'drafts:expire']) await runJob(client, name, {});
    await runJob(client, 'blobs:collect', {});
    const counts = await countLeftovers(sql.client);
    const left = Object.entries(counts).filter(([, count]) => count > 0);
    if (left.length === 0) break;
    if (performance.now() > until) {
      for (const [what, count] of left) ledger.violate(`${count} ${what} are left for good`);
      break;
    }
    await sleep(2_000);
  }
  const repaired = await runJob(client, 'stores:reconcile', { repair: true, strayAgeMs: 0 });
  console.log(`repair: ${JSON.stringify(repaired)}`);
  const again = await runJob(client, 'stores:reconcile', { repair: false, strayAgeMs: 0 });
  if (again['isClean'] !== true) ledger.violate(`the stores are not as recorded after a repair: ${JSON.stringify(again)}`);
}

async function runJob(client: SoakClient, name: string, payload: object): Promise<Record<string, unknown>> {
  const until = performance.now() + jobDeadlineMs;
  let id: string | undefined;
  while (performance.now() < until) {
    if (id === undefined) {
      const { code, result } = await client.mutate('runJob', { name, payload }, '... on JobPayload { job { id } }');
      // What the schedule asked for waits, with its own payload.
      if (code !== undefined && code !== 'JOB_STATE_CONFLICT') throw new Error(`${name}: ${code}`);
      id = result.job?.id;
    } else {
      const { result } = await client.query('query ($id: ID!) { job(id: $id) { state output } }', { id });
      const { state, output } = result.job as { state: string; output: Record<string, unknown> };
      if (state === 'completed') return output;
      if (state === 'failed' || state === 'cancelled') throw new Error(`${name} ${state}: ${JSON.stringify(output)}`);
    }
    await sleep(100);
  }
  throw new Error(`${name} did not end within ${jobDeadlineMs} ms`);
}

async function countLeftovers(client: pg.Client): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [what, text] of Object.entries(leftovers)) counts[what] = Number((await client.query(text)).rows[0].count);
  return counts;
}

/** With the nodes stopped: nothing moves any more. */
export async function checkSoak(servers: SoakServers, ledger: Ledger): Promise<void> {
  await using sql = await connect(servers.databaseUrl);
  for (const [what, count] of Object.entries(await countLeftovers(sql.client))) {
    if (count > 0) ledger.violate(`at the end: ${count} ${what}`);
  }
  for (const [what, text] of Object.entries(wrongs)) {
    for (const row of (await sql.client.query(text)).rows) ledger.violate(`${what}: ${row.what}`);
  }
  const objects = await listObjects(servers, ledger);
  await compareObjects(sql.client, objects, ledger);
  await compareLedger(sql.client, objects, ledger);
  const unfinished = await servers.minio.unfinishedUploads();
  for (const upload of unfinished) ledger.violate(`an unfinished multipart upload in the store: ${upload}`);
}

interface FoundObject {
  readonly key: string;
  readonly listed: number;
  readonly size: number;
  readonly sha256: string;
}

async function listObjects(servers: SoakServers, ledger: Ledger): Promise<ReadonlyMap<string, FoundObject>> {
  const { endpoint, accessKey, secretKey } = servers.minio;
  const script = join(import.meta.dirname, 'list_objects.py');
  const { code, stdout, stderr } = await run('python3', [script, endpoint, servers.bucket, accessKey, secretKey]);
  if (code !== 0) throw new Error(`the objects could not be listed: ${stderr}`);
  const found = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as FoundObject & { upload?: string });
  for (const { key, upload } of found)
    if (upload !== undefined) ledger.violate(`an unfinished multipart upload: ${key} ${upload}`);
  return new Map(found.filter(({ upload }) => upload === undefined).map((object) => [object.key, object]));
}

async function compareObjects(client: pg.Client, objects: ReadonlyMap<string, FoundObject>, ledger: Ledger): Promise<void> {
  const { rows } =
    await client.query(`SELECT 'objects/' || l.object_key AS key, b.size_bytes::float8 AS size, b.digest_value AS sha256
    FROM location l JOIN blob b ON b.id = l.blob_id`);
  const known = new Set(rows.map(({ key }) => key as string));
  for (const { key, size, sha256 } of rows) {
    const object = objects.get(key);
    if (object === undefined) ledger.violate(`a location without its object: ${key}`);
    else if (object.size !== size || object.listed !== size || object.sha256 !== sha256) {
      ledger.violate(`an object with other bytes than recorded: ${key}, sha256:${object.sha256} instead of ${sha256}`);
    }
  }
  for (const key of objects.keys()) if (key !== 'identity' && !known.has(key)) ledger.violate(`a stray object: ${key}`);
  console.log(`checked: ${objects.size} objects, ${rows.length} locations`);
}

/** Every acknowledged publish that was not deleted is there byte for byte; what was deleted is not. */
async function compareLedger(client: pg.Client, objects: ReadonlyMap<string, FoundObject>, ledger: Ledger): Promise<void> {
  const { rows } = await client.query(`SELECT a.id::text, a.state, a.yanked_at IS NOT NULL AS "isYanked",
      (SELECT json_object_agg(ab.path, json_build_array(b.digest_value, l.object_key)) FROM artifact_blob ab
        JOIN blob b ON b.id = ab.blob_id LEFT JOIN location l ON l.blob_id = b.id AND l.state = 'live'
        WHERE ab.artifact_id = a.id) AS files FROM artifact a`);
  const stored = new Map(rows.map((row) => [row.id as string, row]));
  for (const { id, state, isYanked, files } of ledger.pushed) {
    const row = stored.get(id);
    if (state === 'deleted' && row?.state !== 'deleted') ledger.violate(`${id} was deleted, and is ${row?.state}`);
    if (state !== 'published') continue;
    if (row?.state !== 'active') ledger.violate(`${id} was published, and is ${row?.state}`);
    else if (row.isYanked !== isYanked) ledger.violate(`${id}: its yank was lost`);
    const there = (row?.files ?? {}) as Record<string, readonly [string, string]>;
    if (Object.keys(there).length !== files.size)
      ledger.violate(`${id} has ${Object.keys(there).length} files, not ${files.size}`);
    for (const [path, content] of files) {
      const expected = sha256Of(content);
      const [digest, key] = there[path] ?? [];
      if (digest !== expected) ledger.violate(`${id} ${path}: recorded as ${digest}, sent as ${expected}`);
      else if (objects.get(`objects/${key}`)?.sha256 !== expected) ledger.violate(`${id} ${path}: its bytes are lost`);
    }
  }
  const known = new Set(ledger.pushed.map(({ id }) => id));
  for (const { id, state } of rows) {
    if (state !== 'deleted' && !known.has(id)) ledger.violate(`${id} is ${state}, and nobody was told so`);
  }
  console.log(`checked: ${ledger.pushed.length} acknowledged publishes, ${ledger.published().length} of them not deleted`);
}

async function connect(connectionString: string): Promise<{ readonly client: pg.Client } & AsyncDisposable> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
