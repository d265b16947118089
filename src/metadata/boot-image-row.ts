/** One artifact of a type with the blob of one slot, as one column: what the boot path and the list of images read. */
import type { JsonObject } from '#base/json.ts';
import type { ArtifactState, Visibility } from '#core/artifact.ts';

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
  sizeBytes: number | null,
  sha256: string | null,
  digests: { readonly sha512?: string; readonly md5?: string } | null,
  stores: string | null,
];

// One column instead of nineteen: parsing JSON costs less than describing, decoding and parsing each of them (bench/boot.ts).
export const bootImageTuple = `json_build_array(a.id, a.project, a.type, a.name, a.version, a.state, a.visibility, a.hidden, a.protected,
  a.properties, a.tags, a.created_at, a.updated_at, b.size_bytes, b.digest_value,
  (SELECT json_object_agg(d.algorithm, d.value) FROM blob_digest d WHERE d.blob_id = b.id),
  (SELECT string_agg(l.store, ',') FROM location l WHERE l.blob_id = b.id AND l.state = 'live'))`;

/** The blob of the slot (a literal or a placeholder) beside the artifact `a`. */
export function bootImageJoins(slot: string): string {
  return `LEFT JOIN artifact_blob ab ON ab.artifact_id = a.id AND ab.slot = ${slot} AND ab.key = ''
    LEFT JOIN blob b ON b.id = ab.blob_id`;
}

/** True where bytes are coming into the slot of `a` now. */
export function receivingSql(slot: string): string {
  return `EXISTS (SELECT 1 FROM upload_session u WHERE u.artifact_id = a.id AND u.slot = ${slot} AND u.state = 'receiving'
    AND u.writer_expires_at > now())`;
}

export function toBootImage(tuple: BootImageTuple): BootImageRow {
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
