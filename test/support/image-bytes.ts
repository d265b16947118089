/** Bytes of an image that a test moves by hand, without what an operation locks first. */

/** Of the rows of `location` that say where the bytes of artifact `$1` are. */
export const ofImageSql = 'blob_id = (SELECT blob_id FROM artifact_blob WHERE artifact_id = $1)';

/** They are in no store any more. */
export const condemnSql = `UPDATE location SET state = 'condemned' WHERE ${ofImageSql}`;
