/** How much a project has of one type: sums over its rows, made where the rows are. */
import type { Sql } from './database.ts';

export interface Usage {
  /** Artifacts that are not deleted for good, drafts among them. */
  readonly artifactCount: number;
  /** Of the blobs of all of them, each counted as often as it is held. */
  readonly blobBytes: number;
  /** Uploads that have not ended, and what has come of them so far where that is on record. */
  readonly uploadCount: number;
  readonly uploadBytes: number;
}

const usageStatement = {
  name: 'usage-of-type',
  // double precision: exact up to 2^53 bytes, and a number for JavaScript.
  // What is published knows its size; of drafts it is summed up.
  text: `WITH had AS (
      SELECT count(*) AS artifacts, coalesce(sum(size_bytes), 0) AS bytes FROM artifact
      WHERE project = $1 AND type = $2 AND state <> 'deleted'),
    drafted AS (
      SELECT coalesce(sum(b.size_bytes), 0) AS bytes FROM artifact a
        JOIN artifact_blob ab ON ab.artifact_id = a.id JOIN blob b ON b.id = ab.blob_id
      WHERE a.project = $1 AND a.type = $2 AND a.state = 'draft'),
    coming AS (
      SELECT count(*) AS uploads, coalesce(sum(u.offset_bytes), 0) AS bytes FROM upload_session u
        JOIN artifact a ON a.id = u.artifact_id
      WHERE u.project = $1 AND a.type = $2 AND u.state IN ('open', 'receiving', 'verifying')
        AND (u.state = 'verifying' OR u.expires_at > now()))
    SELECT had.artifacts::double precision AS "artifactCount", (had.bytes + drafted.bytes)::double precision AS "blobBytes",
      coming.uploads::double precision AS "uploadCount", coming.bytes::double precision AS "uploadBytes"
    FROM had, drafted, coming`,
};

export async function readUsage(sql: Sql, project: string, type: string): Promise<Usage> {
  const [row] = await sql.query<Usage>(usageStatement, [project, type]);
  if (row === undefined) throw new Error('a statement that always answers did not');
  return row;
}
