/** One artifact of a type with the blob of one slot, as one column: what the boot path and the list of images read. */
import type { JsonObject } from '#base/json.ts';
import type { ArtifactState, Visibility } from '#core/artifact.ts';
import type { ShownImage } from '#core/image-text.ts';
import type { Sql } from './database.ts';

/** Times are as precise as PostgreSQL has them; the data are the slot's. */
export interface BootImageRow extends ShownImage {
  readonly type: string;
  readonly sha256: string | null;
  /** Names of the stores that have the bytes, sorted and joined by commas; null where none has. */
  readonly stores: string | null;
}

/** The blob of a slot as publish has kept it, or as it was looked up. */
type BlobTuple = readonly [id: string, sizeBytes: number, sha256: string, sha512: string | null, md5: string | null];

/** In the order of `bootImageTuple`. */
export type BootImageTuple = readonly [
  id: string,
  project: string,
  type: string,
  name: string | null,
  version: string | null,
  state: ArtifactState,
  visibility: Visibility,
  hidden: boolean,
  isProtected: boolean,
  properties: JsonObject,
  tags: readonly string[],
  createdAt: string,
  updatedAt: string,
  blob: BlobTuple | null,
  stores: string | null,
];

/**
 * One column instead of nineteen: parsing JSON costs less than describing, decoding and parsing each of them (bench/boot.ts). Only
 * what publish has kept of the bytes: each table more in a plan costs as much as the row (`toBootImages` asks for the rest).
 * @param slot a literal or a placeholder
 */
export function bootImageTuple(slot: string): string {
  return `json_build_array(a.id, a.project, a.type, a.name, a.version, a.state, a.visibility, a.hidden, a.protected,
  a.properties, a.tags, a.created_at, a.updated_at, a.single_blobs -> ${slot}, ${storesSql(`(a.single_blobs -> ${slot} ->> 0)::uuid`)})`;
}

function storesSql(blob: string): string {
  return `(SELECT string_agg(l.store, ',') FROM location l WHERE l.blob_id = ${blob} AND l.state = 'live')`;
}

/** What publish keeps of the artifact's slots of kind `one`; without those of which a digest is not known yet. */
export function singleBlobsSql(artifactId: string): string {
  return `(SELECT jsonb_object_agg(ab.slot, jsonb_build_array(b.id, b.size_bytes, b.digest_value, s.value, m.value))
    FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id AND b.digest_algorithm = 'sha256'
    JOIN blob_digest s ON s.blob_id = b.id AND s.algorithm = 'sha512'
    JOIN blob_digest m ON m.blob_id = b.id AND m.algorithm = 'md5'
    WHERE ab.artifact_id = ${artifactId} AND ab.key = '')`;
}

/** True where bytes are coming into the slot of `a` now. */
export function receivingSql(slot: string): string {
  return `EXISTS (SELECT 1 FROM upload_session u WHERE u.artifact_id = a.id AND u.slot = ${slot} AND u.state = 'receiving'
    AND u.writer_expires_at > now())`;
}

const restStatement = {
  name: 'boot-image-rest',
  text: `SELECT a.id, ${receivingSql('$2')} AS receiving, ${storesSql('b.id')} AS stores,
      CASE WHEN b.id IS NOT NULL THEN json_build_array(b.id, b.size_bytes, b.digest_value,
        (SELECT d.value FROM blob_digest d WHERE d.blob_id = b.id AND d.algorithm = 'sha512'),
        (SELECT d.value FROM blob_digest d WHERE d.blob_id = b.id AND d.algorithm = 'md5')) END AS blob
    FROM artifact a
    LEFT JOIN artifact_blob ab ON ab.artifact_id = a.id AND ab.slot = $2 AND ab.key = ''
    LEFT JOIN blob b ON b.id = ab.blob_id
    WHERE a.id = ANY($1::uuid[])`,
};

interface RestRow {
  readonly id: string;
  readonly receiving: boolean;
  readonly stores: string | null;
  readonly blob: BlobTuple | null;
}

/** The images of these tuples; of drafts, and where publish has kept nothing, what their slot holds by one statement more. */
export async function toBootImages(sql: Sql, tuples: readonly BootImageTuple[], slot: string): Promise<readonly BootImageRow[]> {
  const open = tuples.filter(isOpen).map(([id]) => id);
  if (open.length === 0) return tuples.map((tuple) => toBootImage(tuple, undefined));
  const rows = await sql.query<RestRow>(restStatement, [open, slot]);
  const rest = new Map(rows.map((row) => [row.id, row]));
  return tuples.map((tuple) => toBootImage(tuple, rest.get(tuple[0])));
}

function isOpen([, , , , , , , , , , , , , blob]: BootImageTuple): boolean {
  return blob === null;
}

function toBootImage(tuple: BootImageTuple, rest: RestRow | undefined): BootImageRow {
  const [
    id,
    project,
    type,
    name,
    version,
    state,
    visibility,
    hidden,
    isProtected,
    properties,
    tags,
    createdAt,
    updatedAt,
    ...data
  ] = tuple;
  const [blob, stores] = rest === undefined ? data : [rest.blob, rest.stores];
  const [, sizeBytes = null, sha256 = null, sha512 = null, md5 = null] = blob ?? [];
  const times = { createdAt, updatedAt };
  const flags = { hidden, protected: isProtected, isReceiving: rest?.receiving ?? false };
  return {
    id,
    project,
    type,
    name,
    version,
    state,
    visibility,
    ...flags,
    properties,
    tags,
    ...times,
    sizeBytes,
    sha256,
    sha512,
    md5,
    stores: stores?.includes(',') ? stores.split(',').sort().join(',') : stores,
  };
}
