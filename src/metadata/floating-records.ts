/** Ranges resolved as sets: one statement answers every dependency of a level, however many there are. */
import type { Range } from '#core/range.ts';
import { type ClosureNodeRow, closureNodeColumns } from './closure-columns.ts';
import type { Sql } from './database.ts';
import { inSetsSql, rangeSets } from './range-sql.ts';
import { familyVisibleSql, findableSql, readableSql, resolvableSql, type Viewer } from './visibility-sql.ts';

const viewer = { project: '$1::text', isAdmin: '$2::boolean' };

/** One question: the artifact with this id, or the best version of a family. */
export interface FloatingRequest {
  readonly id: string | null;
  /** Projects to look in; the first that has a family of the name the viewer may see decides alone. */
  readonly projects: readonly string[];
  /** Whether the reference names its project: then community and hidden versions count. */
  readonly named: boolean;
  readonly type: string;
  readonly name: string;
  /** The version must lie in each of them. */
  readonly ranges: readonly Range[];
  /** The key of the one version meant, where the range is one: found also when it is yanked or deactivated. */
  readonly exactKey: string | null;
}

export interface FloatingAnswer extends ClosureNodeRow {
  /** Position of its request. */
  readonly n: number;
  /** False for the very version asked for, where the range itself does not take it any more. */
  readonly in_range: boolean;
}

const requestSql = `jsonb_to_recordset($3::jsonb)
  AS r (n int, id uuid, projects text[], named boolean, type text, name text, ranges jsonb, "exactKey" text)`;

const familySql = `LEFT JOIN LATERAL (
    SELECT f.id FROM unnest(r.projects) WITH ORDINALITY AS p (project, position)
      JOIN family f ON f.project = p.project AND f.type = r.type AND f.name = r.name
    WHERE r.id IS NULL AND ${familyVisibleSql('f', viewer)}
    ORDER BY p.position LIMIT 1) f ON true`;

const withinSql = `NOT EXISTS (SELECT 1 FROM jsonb_array_elements(r.ranges) AS range (sets) WHERE NOT ${inSetsSql('a', 'range.sets')})`;

const resolveStatement = {
  name: 'floating-resolve',
  text: `SELECT r.n, found.* FROM ${requestSql} ${familySql}
    CROSS JOIN LATERAL (
      SELECT * FROM (
        (SELECT true AS in_range, ${closureNodeColumns} FROM artifact a
          WHERE a.id = r.id AND a.state <> 'draft' AND ${readableSql('a', viewer)})
        UNION ALL
        (SELECT true AS in_range, ${closureNodeColumns} FROM artifact a
          WHERE a.family_id = f.id AND ${resolvableSql('a', viewer, 'r.named')} AND ${withinSql}
          ORDER BY a.version_key DESC LIMIT 1)
        UNION ALL
        (SELECT false AS in_range, ${closureNodeColumns} FROM artifact a
          WHERE a.family_id = f.id AND a.version_key = r."exactKey"
            AND a.state IN ('active', 'deactivated') AND ${findableSql('a', viewer, 'r.named')} LIMIT 1)
      ) AS every ORDER BY in_range DESC LIMIT 1
    ) AS found`,
};

/** At most one answer for each request. */
export async function resolveFloating(
  sql: Sql,
  by: Viewer,
  requests: readonly FloatingRequest[],
): Promise<readonly FloatingAnswer[]> {
  if (requests.length === 0) return [];
  return sql.query<FloatingAnswer>(resolveStatement, [by.project, by.isAdmin, toJson(requests)]);
}

const candidatesStatement = {
  name: 'floating-candidates',
  text: `SELECT r.n, f.id IS NOT NULL AS has_family, c.versions FROM ${requestSql} ${familySql}
    LEFT JOIN LATERAL (SELECT array_agg(v.version ORDER BY v.version_key DESC) AS versions FROM (
      SELECT a.version, a.version_key FROM artifact a WHERE a.family_id = f.id AND ${resolvableSql('a', viewer, 'r.named')}
      ORDER BY a.version_key DESC LIMIT $4) AS v) AS c ON true`,
};

export interface FloatingCandidates {
  readonly n: number;
  readonly has_family: boolean;
  /** Newest first. */
  readonly versions: readonly string[] | null;
}

/** What the families of the requests have instead. */
export async function listFloatingCandidates(
  sql: Sql,
  by: Viewer,
  requests: readonly FloatingRequest[],
  limit: number,
): Promise<readonly FloatingCandidates[]> {
  if (requests.length === 0) return [];
  return sql.query<FloatingCandidates>(candidatesStatement, [by.project, by.isAdmin, toJson(requests), limit]);
}

function toJson(requests: readonly FloatingRequest[]): string {
  return JSON.stringify(requests.map((request, n) => ({ ...request, n, ranges: request.ranges.map(rangeSets) })));
}
