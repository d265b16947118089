/** A judge of bytes that stands outside: it reads rows and files itself, by none of Vitrine's own ways to them. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sql } from '#metadata/database.ts';

export interface Judgement {
  /** What must never be: references without their bytes. Empty is good. */
  readonly broken: readonly string[];
  /** What may be for a while: objects that no row knows, places on their way out, blobs that nothing refers to. */
  readonly garbage: readonly string[];
  /** Objects in the folder. */
  readonly objects: readonly string[];
}

interface Reference {
  readonly artifact: string;
  readonly path: string;
  readonly sha256: string;
  readonly keys: readonly string[] | null;
}

/** Judges a database and the folder of its one filesystem store. */
export async function judgeBytes(sql: Sql, folder: string, store = 'local'): Promise<Judgement> {
  const references = await sql.query<Reference>({
    text: `SELECT ab.artifact_id AS artifact, ab.path, b.digest_value AS sha256,
        (SELECT array_agg(l.object_key) FROM location l WHERE l.blob_id = b.id AND l.state = 'live' AND l.store = '${store}') AS keys
      FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id`,
  });
  const broken: string[] = [];
  for (const { artifact, path, sha256, keys } of references) {
    const digests = await Promise.all((keys ?? []).map((key) => hashObject(folder, key)));
    if (!digests.includes(sha256))
      broken.push(`${artifact} ${path}: sha256:${sha256} is in no live place (${digests.join(', ')})`);
  }
  const objects = await listObjects(folder);
  const known = await sql.query<{ key: string }>({
    text: `SELECT object_key AS key FROM location WHERE state = 'live' AND store = '${store}'`,
  });
  const keys = new Set(known.map(({ key }) => key));
  const leaving = await sql.query<{ id: string; state: string }>({
    text: `SELECT id, state FROM location WHERE state <> 'live'`,
  });
  const unreferred = await sql.query<{ id: string }>({
    text: 'SELECT id FROM blob b WHERE NOT EXISTS (SELECT 1 FROM artifact_blob ab WHERE ab.blob_id = b.id)',
  });
  const garbage = [
    ...objects.filter((key) => !keys.has(key)).map((key) => `object ${key}`),
    ...leaving.map(({ id, state }) => `location ${id} ${state}`),
    ...unreferred.map(({ id }) => `blob ${id}`),
  ];
  return { broken, garbage, objects };
}

async function hashObject(folder: string, key: string): Promise<string> {
  try {
    const bytes = await readFile(join(folder, 'objects', key.slice(0, 2), key));
    return createHash('sha256').update(bytes).digest('hex');
  } catch (error) {
    return String(error);
  }
}

async function listObjects(folder: string): Promise<string[]> {
  const files = await readdir(join(folder, 'objects'), { recursive: true, withFileTypes: true });
  return files.filter((file) => file.isFile()).map(({ name }) => name);
}
