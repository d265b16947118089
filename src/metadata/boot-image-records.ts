/** The hottest read: one artifact of a type with the blob of one slot, in one statement, as few and as plain columns as can be. */
import type { JsonObject } from '#base/json.ts';
import type { ArtifactState, Visibility } from '#core/artifact.ts';
import type { Sql } from './database.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

export interface BootImageRow {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly state: ArtifactState;
  readonly visibility: Visibility;
  readonly hidden: boolean;
  readonly protected: boolean;
  readonly properties: JsonObject;
  readonly tags: readonly string[];
  /** ISO 8601 in UTC, as precise as PostgreSQL has it. */
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Null where the slot is empty; the digests then too. */
  readonly sizeBytes: number | null;
  readonly sha256: string | null;
  readonly sha512: string | null;
  readonly md5: string | null;
  /** Names of the stores that have the bytes, sorted and joined by commas; null where none has. */
  readonly stores: string | null;
  /** Bytes are coming into the slot now. */
  readonly isReceiving: boolean;
}

/** In the order of `tuple` below. */
type BootImageTuple = readonly [
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
  sizeBytes: number | null,
  sha256: string | null,
  digests: { readonly sha512?: string; readonly md5?: string } | null,
  stores: string | null,
];

// One column instead of nineteen: parsing JSON costs less than describing, decoding and parsing each of them (bench/boot.ts).
const tuple = `json_build_array(a.id, a.project, a.type, a.name, a.version, a.state, a.visibility, a.hidden, a.protected,
  a.properties, a.tags, a.created_at, a.updated_at, b.size_bytes, b.digest_value,
  (SELECT json_object_agg(d.algorithm, d.value) FROM blob_digest d WHERE d.blob_id = b.id),
  (SELECT string_agg(l.store, ',') FROM location l WHERE l.blob_id = b.id AND l.state = 'live'))`;

const findStatement = {
  name: 'boot-image-find',
  text: `SELECT ${tuple} AS tuple
    FROM artifact a
    LEFT JOIN artifact_blob ab ON ab.artifact_id = a.id AND ab.slot = $5 AND ab.key = ''
    LEFT JOIN blob b ON b.id = ab.blob_id
    WHERE a.id = $3 AND a.type = $4 AND ${readableSql('a', { project: '$1::text', isAdmin: '$2::boolean' })}`,
};

/** The artifact if it is of the type and the viewer may read it. */
export async function findBootImage(
  sql: Sql,
  { project, isAdmin }: Viewer,
  id: string,
  type: string,
  slot: string,
): Promise<BootImageRow | undefined> {
  const [row] = await sql.query<{ tuple: BootImageTuple }>(findStatement, [project, isAdmin, id, type, slot]);
  if (row === undefined) return undefined;
  const image = toRow(row.tuple);
  // Asked for apart: what is booted is no draft, and need not wait for a look at uploads.
  return image.state === 'draft' ? { ...image, isReceiving: await isReceiving(sql, id, slot) } : image;
}

const findReceivingStatement = {
  name: 'boot-image-receiving',
  text: `SELECT 1 FROM upload_session WHERE artifact_id = $1 AND slot = $2 AND state = 'receiving' AND writer_expires_at > now()`,
};

async function isReceiving(sql: Sql, artifactId: string, slot: string): Promise<boolean> {
  return (await sql.query(findReceivingStatement, [artifactId, slot])).length > 0;
}

function toRow(tuple: BootImageTuple): BootImageRow {
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
  const [sizeBytes, sha256, digests, stores] = data;
  const { sha512 = null, md5 = null } = digests ?? {};
  const times = { createdAt, updatedAt };
  const flags = { hidden, protected: isProtected, isReceiving: false };
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
