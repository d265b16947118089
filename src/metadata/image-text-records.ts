/** Images with data as the Image API answers them, kept as text beside the rows they were made of: a list sends them as they are. */
import { imageTextSeparator } from '#core/image-text.ts';
import { type BootImageTuple, bootImageTuple } from './boot-image-row.ts';
import type { Sql } from './database.ts';
import { sqlLiteral } from './sql-values.ts';

/** Of `ImageText.text`; one more whenever what it says of an image, or how, changes. */
const form = 1;

export interface ImageText {
  readonly artifactId: string;
  /** Of the artifact that the text was made of. */
  readonly revision: number;
  /** What `openImageText` (core/image-text.ts) gives. */
  readonly text: string;
}

const holdStatement = {
  name: 'image-text-hold',
  // Who moves bytes holds their row FOR SHARE at least. Nobody is waited for: he may wait for what this transaction has.
  text: `SELECT 1 FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id
    WHERE ab.artifact_id = $1 AND ab.slot = $2 AND ab.key = '' FOR NO KEY UPDATE OF b SKIP LOCKED`,
};

/** True where nobody is moving the image's bytes, and nobody will until the transaction ends. */
export async function holdBytes(tx: Sql, artifactId: string, slot: string): Promise<boolean> {
  return (await tx.query(holdStatement, [artifactId, slot])).length > 0;
}

const saveStatement = {
  name: 'image-text-save',
  // Locked, so that no text outlives its revision: whatever was changed meanwhile has its own.
  text: `INSERT INTO image_text (artifact_id, created_at, form, revision, blob_id, text, stores)
    SELECT a.id, a.created_at, ${form}, a.revision, ab.blob_id, t.text, CASE WHEN $5 THEN ${storesSql('ab.blob_id')} END
    FROM unnest($1::uuid[], $2::integer[], $3::text[]) AS t (id, revision, text)
    JOIN artifact a ON a.id = t.id AND a.revision = t.revision AND a.state NOT IN ('draft', 'deleted')
    JOIN artifact_blob ab ON ab.artifact_id = a.id AND ab.slot = $4 AND ab.key = ''
    ORDER BY a.created_at, a.id FOR SHARE OF a
    ON CONFLICT (artifact_id) DO UPDATE SET form = EXCLUDED.form, revision = EXCLUDED.revision, blob_id = EXCLUDED.blob_id,
      text = EXCLUDED.text, stores = CASE WHEN image_text.blob_id = EXCLUDED.blob_id THEN image_text.stores END`,
};

interface SaveImageTextsOptions {
  readonly slot: string;
  /** Whether the bytes are (`holdBytes`): new texts then have their stores. */
  readonly areHeld: boolean;
}

/** Of images that have data in the slot, and still are as the texts say. */
export async function saveImageTexts(
  sql: Sql,
  texts: readonly ImageText[],
  { slot, areHeld }: SaveImageTextsOptions,
): Promise<void> {
  if (texts.length === 0) return;
  await sql.query(saveStatement, [
    texts.map(({ artifactId }) => artifactId),
    texts.map(({ revision }) => revision),
    texts.map(({ text }) => text),
    slot,
    areHeld,
  ]);
}

const unpreparedStatement = {
  name: 'image-text-missing',
  text: `SELECT a.id, a.created_at::text AS created FROM artifact a
    WHERE a.type = $1 AND a.state NOT IN ('draft', 'deleted') AND a.single_blobs ? $2 AND (a.created_at, a.id) > ($3, $4)
      AND NOT EXISTS (SELECT 1 FROM image_text t WHERE t.artifact_id = a.id AND t.form = ${form} AND t.revision = a.revision)
    ORDER BY a.created_at, a.id LIMIT $5`,
};

/** Where a walk over images stands. */
export interface ImagePlace {
  readonly id: string;
  /** As PostgreSQL writes it. */
  readonly created: string;
}

export const firstPlace: ImagePlace = { id: '00000000-0000-0000-0000-000000000000', created: '-infinity' };

/**
 * Images with data but without a text that is theirs, the first after `after`. In the order that lists are asked for: a page of a
 * list then finds its texts side by side.
 */
export async function listUnprepared(
  sql: Sql,
  { type, slot }: { readonly type: string; readonly slot: string },
  after: ImagePlace,
  limit: number,
): Promise<readonly ImagePlace[]> {
  return sql.query<ImagePlace>(unpreparedStatement, [type, slot, after.created, after.id, limit]);
}

/** The whole page is one row and one column: each costs the driver as much as what is in it. */
export interface LinesRow {
  /** A line for each image, `imageTextSeparator` between: its text, or its id in brackets. Null where there is none. */
  readonly page: string | null;
}

/** @param images gives the id of each image and its text (`readyTextSql`), in the order of the page */
export function linesSql(images: string): string {
  return `SELECT string_agg(coalesce(line.text, '[' || line.id || ']'), ${sqlLiteral(imageTextSeparator)}) AS page
FROM (${images}) AS line`;
}

/** What `joinTextSql` joined, with its stores; null where there is no text. */
export const readyTextSql = `t.text || coalesce(t.stores, ${storesSql('t.blob_id')})`;

/**
 * Texts stand in the order of creation too: each look-up finds the next beside it, where that is known. A text that a change of the
 * artifact did not rewrite has lost its form (the trigger `artifact_image_text`).
 */
export function joinTextSql(id: string, createdAt: string | null): string {
  const isByCreation = createdAt === null ? '' : ` AND t.created_at = ${createdAt}`;
  return `LEFT JOIN image_text t ON t.artifact_id = ${id}${isByCreation} AND t.form = ${form}`;
}

function storesSql(blob: string): string {
  return `(SELECT coalesce(',"stores":' || to_json(string_agg(l.store, ',' ORDER BY l.store))::text || '}', '}')
      FROM location l WHERE l.blob_id = ${blob} AND l.state = 'live')`;
}

const unsettledStatement = {
  name: 'image-text-unsettled',
  // In the order of ids, as everybody who locks several. What is being moved is left to the next run, and does not count: rows are
  // locked below the LIMIT, so that none come only where nothing is left to settle.
  text: `SELECT t.artifact_id AS id FROM image_text t JOIN blob b ON b.id = t.blob_id
    WHERE t.stores IS NULL AND t.artifact_id > $1 ORDER BY t.artifact_id LIMIT $2
    FOR UPDATE OF t FOR NO KEY UPDATE OF b SKIP LOCKED`,
};

const settleStatement = {
  name: 'image-text-settle',
  text: `UPDATE image_text t SET stores = ${storesSql('t.blob_id')} WHERE t.artifact_id = ANY($1::uuid[])`,
};

/**
 * Writes the stores of texts that lack them, the first after `after` in the order of ids; gives the last one's id. In a transaction:
 * locked first and then looked up, so that bytes which move meanwhile find the text to forget it. Who began to move them before
 * there was a text has not seen it, and holds them still.
 */
export async function settleStores(tx: Sql, after: string, limit: number): Promise<string | undefined> {
  const rows = await tx.query<{ readonly id: string }>(unsettledStatement, [after, limit]);
  if (rows.length > 0) await tx.query(settleStatement, [rows.map(({ id }) => id)]);
  return rows.at(-1)?.id;
}

/** Of these artifacts, for those that have no text. */
export async function listImageTuples(sql: Sql, ids: readonly string[], slot: string): Promise<readonly BootImageTuple[]> {
  const text = `SELECT ${bootImageTuple(sqlLiteral(slot))} AS tuple FROM artifact a WHERE a.id = ANY($1::uuid[])`;
  const rows = await sql.query<{ readonly tuple: BootImageTuple }>({ name: `image-tuples ${slot}`, text }, [ids]);
  return rows.map(({ tuple }) => tuple);
}
