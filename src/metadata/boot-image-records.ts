/** The hottest read: one artifact of a type with the blob of one slot, in one statement, as few and as plain columns as can be. */
import { type BootImageRow, type BootImageTuple, bootImageTuple, toBootImages } from './boot-image-row.ts';
import type { Sql } from './database.ts';
import { readableSql, type Viewer } from './visibility-sql.ts';

export type { BootImageRow } from './boot-image-row.ts';

const findStatement = {
  name: 'boot-image-find',
  text: `SELECT ${bootImageTuple('$5::text')} AS tuple
    FROM artifact a
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
  const [image] = await toBootImages(sql, [row.tuple], slot);
  return image;
}
