/** The hottest read: one artifact of a type with the blob of one slot, in one statement, as few and as plain columns as can be. */
import { type BootImageRow, type BootImageTuple, bootImageJoins, bootImageTuple, toBootImage } from './boot-image-row.ts';
import type { Sql } from './database.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

export type { BootImageRow } from './boot-image-row.ts';

const findStatement = {
  name: 'boot-image-find',
  text: `SELECT ${bootImageTuple} AS tuple
    FROM artifact a ${bootImageJoins('$5')}
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
  const image = toBootImage(row.tuple);
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
