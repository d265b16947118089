/** Who may see which artifact, written once in SQL: readable (by id, by who knows of it) and listed (found by looking). */

/** Whoever looks. A Caller is one. */
export interface Viewer {
  readonly project: string;
  readonly isAdmin: boolean;
}

/** Where a statement carries its viewer, as `$n` placeholders. */
export interface ViewerParameters {
  readonly project: string;
  readonly isAdmin: string;
}

/**
 * True for rows of `artifact` (under `alias`) that the viewer may read: a draft, or what waits to be deleted, within its own
 * project, anything else when own, public, community, or shared with the viewer's project whatever the membership's status.
 * Tombstones are nobody's.
 */
export function readableSql(alias: string, viewer: ViewerParameters): string {
  return `(${alias}.state <> 'deleted' AND (${audienceSql(alias, viewer, `${alias}.state NOT IN ('draft', 'pending_delete')`)}))`;
}

/** As `readableSql`, tombstones included: for naming what was deleted to those who could see it. */
export function readableOrDeletedSql(alias: string, viewer: ViewerParameters): string {
  return `(${audienceSql(alias, viewer, `${alias}.state <> 'draft'`)})`;
}

/** @param shownSql what the state has to be for others */
function audienceSql(alias: string, viewer: ViewerParameters, shownSql: string): string {
  return `${alias}.project = ${viewer.project} OR ${viewer.isAdmin} OR (${shownSql} AND (
    ${alias}.visibility IN ('public', 'community')
    OR (${alias}.visibility = 'shared' AND EXISTS (
      SELECT 1 FROM member m WHERE m.artifact_id = ${alias}.id AND m.project = ${viewer.project}))))`;
}

/** True for rows of `family` (under `alias`) of the viewer's project, or with an artifact that the viewer may read. */
export function familyVisibleSql(alias: string, viewer: ViewerParameters): string {
  return `(${alias}.project = ${viewer.project} OR ${viewer.isAdmin} OR EXISTS (
    SELECT 1 FROM artifact v WHERE v.family_id = ${alias}.id AND ${readableSql('v', viewer)}))`;
}

/**
 * True for rows a range resolves over: active, unyanked, versioned, and listed for the viewer (own, public, accepted
 * member; not hidden). `named` is a boolean placeholder: where the reference names the project, community and hidden
 * versions count as well.
 */
export function resolvableSql(alias: string, viewer: ViewerParameters, named: string): string {
  return `(${alias}.state = 'active' AND ${alias}.yanked_at IS NULL AND ${alias}.version_key IS NOT NULL
    AND ${findableSql(alias, viewer, named)})`;
}

/** The audience half of `resolvableSql`: whatever the state, would looking for a version find this row? */
export function findableSql(alias: string, viewer: ViewerParameters, named: string): string {
  return `((NOT ${alias}.hidden OR ${named}) AND (
    ${alias}.project = ${viewer.project} OR ${viewer.isAdmin} OR ${alias}.visibility = 'public'
    OR (${alias}.visibility = 'community' AND ${named})
    OR (${alias}.visibility = 'shared' AND EXISTS (
      SELECT 1 FROM member m WHERE m.artifact_id = ${alias}.id AND m.project = ${viewer.project}
        AND m.status = 'accepted'))))`;
}
