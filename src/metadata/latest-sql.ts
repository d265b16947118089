/**
 * The latest release of a family that a viewer has listed: mostly the version that a reference without a range would give. Asked
 * for each way in which a version can be listed, because then each question is one step in an index, however many versions are
 * not listed.
 */
import type { ViewerParameters } from './visibility-sql.ts';

/** What a version without a range resolves over, audience aside; the clause of the partial indexes, written the same. */
function resolvable(alias: string): string {
  return `${alias}.state = 'active' AND ${alias}.yanked_at IS NULL AND ${alias}.version_is_release AND NOT ${alias}.hidden`;
}

/** The families in which the viewer's project accepted some membership. */
function sharedFamilies(viewer: ViewerParameters): string {
  return `(SELECT s.family_id FROM member m JOIN artifact s ON s.id = m.artifact_id
    WHERE m.project = ${viewer.project} AND m.status = 'accepted' AND s.visibility = 'shared' AND s.family_id IS NOT NULL)`;
}

function isMember(alias: string, viewer: ViewerParameters): string {
  return `EXISTS (SELECT 1 FROM member m WHERE m.artifact_id = ${alias}.id AND m.project = ${viewer.project}
    AND m.status = 'accepted')`;
}

/** True for the artifact `a` when it is listed and no higher release of its family is. */
export function isLatestSql(viewer: ViewerParameters): string {
  const higher = (condition: string): string => `EXISTS (SELECT 1 FROM artifact l WHERE l.family_id = a.family_id
      AND l.version_key > a.version_key AND ${resolvable('l')} AND ${condition})`;
  const isOwn = `(a.project = ${viewer.project} OR ${viewer.isAdmin})`;
  const isShared = `a.family_id IN ${sharedFamilies(viewer)}`;
  return `(${resolvable('a')} AND a.version_key IS NOT NULL
    AND (${isOwn} OR a.visibility = 'public' OR (a.visibility = 'shared' AND ${isMember('a', viewer)}))
    AND NOT (${isOwn} AND ${higher('true')})
    AND (${isOwn} OR NOT ${higher(`l.visibility = 'public'`)})
    AND NOT (${isShared} AND ${higher(`l.visibility = 'shared' AND ${isMember('l', viewer)}`)}))`;
}

/** A lateral subquery: the row of `artifact` that is the latest of the family `f`, if the viewer has any listed. */
export function latestOfFamilySql(viewer: ViewerParameters): string {
  const isOwn = `(f.project = ${viewer.project} OR ${viewer.isAdmin})`;
  const highest = (condition: string): string => `(SELECT x.* FROM artifact x WHERE x.family_id = f.id AND ${resolvable('x')}
      AND ${condition} ORDER BY x.version_key DESC LIMIT 1)`;
  return `(SELECT y.* FROM (
      ${highest(isOwn)}
      UNION ALL ${highest(`NOT ${isOwn} AND x.visibility = 'public'`)}
      UNION ALL ${highest(`f.id IN ${sharedFamilies(viewer)} AND x.visibility = 'shared' AND ${isMember('x', viewer)}`)}
    ) AS y ORDER BY y.version_key DESC LIMIT 1)`;
}
