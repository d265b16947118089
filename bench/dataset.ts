/** A repository of N artifacts, written by a few INSERT … SELECT statements, for benchmarks and for tests of plans. */
import { versionKey } from '#core/version.ts';
import type { Database } from '#metadata/database.ts';

export interface DatasetOptions {
  /** How many artifacts. */
  readonly artifacts: number;
  /** One artifact in so many is public; default 5. 2,000 leaves almost nothing to a project without artifacts of its own. */
  readonly publicEvery?: number;
}

/** The projects of a dataset: `big` owns most; `sparse` owns or is shared one artifact in about 1,000. */
export const datasetProjects = { big: 'big', other: 'other', sparse: 'sparse' } as const;

/**
 * Types in four parts, 64 versions to a family, every 64th artifact with tag `rare`, property `os_distro` one of 64 values,
 * `min_ram` from 0 to 63, a quarter with one blob. Ids are hashes of the row's number, so that two runs give the same rows.
 */
export async function createDataset(db: Database, options: DatasetOptions): Promise<void> {
  const { artifacts, publicEvery = 5 } = options;
  const run = (text: string, values: readonly unknown[] = []): Promise<object[]> => db.query({ text }, values);
  await run(`INSERT INTO store (name, store_id, kind) VALUES ('bench', md5('store')::uuid, 'filesystem') ON CONFLICT DO NOTHING`);
  await run(
    `INSERT INTO family (id, project, type, name)
     SELECT DISTINCT md5('family' || ${projectOf('i')} || ${typeOf('i')} || (i / 256))::uuid, ${projectOf('i')}, ${typeOf('i')},
       'family-' || (i / 256)
     FROM generate_series(0, $1::int - 1) AS i`,
    [artifacts],
  );
  // In parts, none of which comes near the timeout of statements.
  for (let from = 0; from < artifacts; from += 20_000)
    await run(
      `INSERT INTO artifact (id, project, type, type_version, family_id, name, version, version_key, version_core,
       version_is_release, state, visibility, hidden, protected, deprecated_at, yanked_at, properties, tags, digest_algorithm,
       digest_value, created_by, created_at, updated_at, published_at)
     SELECT md5('artifact' || i)::uuid, ${projectOf('i')}, ${typeOf('i')}, '1',
       md5('family' || ${projectOf('i')} || ${typeOf('i')} || (i / 256))::uuid, 'family-' || (i / 256),
       v.text, v.key, v.text, true, CASE WHEN i % 100 = 7 THEN 'deactivated' ELSE 'active' END,
       CASE WHEN i % $2::int = 0 THEN 'public' WHEN i % 4000 = 2001 THEN 'shared' WHEN i % 7 = 3 THEN 'community'
         WHEN i % 7 = 5 THEN 'shared' ELSE 'private' END,
       i % 500 = 9, i % 64 = 5, CASE WHEN i % 64 = 6 THEN now() END, CASE WHEN i % 64 = 8 THEN now() END,
       jsonb_build_object('os_distro', 'distro-' || (i * 7 % 64), 'min_ram', i * 11 % 64, 'disk_format', 'qcow2', 'free', 'f' || (i % 64),
         'features', jsonb_build_array('every', 'one-' || (i * 3 % 64))),
       ARRAY['all', 'tag-' || (i * 5 % 64)] || CASE WHEN i % 64 = 1 THEN ARRAY['rare'] ELSE '{}' END,
       'sha256', md5('digest' || i) || md5('more' || i), 'bench', t.at, t.at, t.at
     FROM generate_series($4::int, $1::int - 1) AS i
     CROSS JOIN LATERAL (SELECT ($3::text[])[i / 4 % 64 + 1] AS key, '1.' || (i / 4 % 64) || '.0' AS text) AS v
     CROSS JOIN LATERAL (SELECT '2026-01-01T00:00:00Z'::timestamptz + i * interval '7 seconds' AS at) AS t`,
      [
        Math.min(artifacts, from + 20_000),
        publicEvery,
        Array.from({ length: 64 }, (_, minor) => versionKey('1', String(minor), '0', [])),
        from,
      ],
    );
  await run(
    `INSERT INTO member (artifact_id, project, status, type, artifact_created_at)
     SELECT id, 'sparse', 'accepted', type, created_at FROM artifact
     WHERE visibility = 'shared' AND id IN (SELECT md5('artifact' || i)::uuid FROM generate_series(2001, $1::int - 1, 4000) AS i)`,
    [artifacts],
  );
  await createBlobs(run, artifacts);
  await run('ANALYZE');
}

type Run = (text: string, values?: readonly unknown[]) => Promise<object[]>;

async function createBlobs(run: Run, artifacts: number): Promise<void> {
  await run(
    `INSERT INTO blob (id, digest_algorithm, digest_value, size_bytes)
     SELECT md5('blob' || i)::uuid, 'sha256', md5('blob' || i) || md5('b' || i), 1000 + i FROM generate_series(0, $1::int - 1, 4) AS i`,
    [artifacts],
  );
  await run(
    `INSERT INTO blob_digest (blob_id, algorithm, value)
     SELECT id, algorithm, digest_value FROM blob CROSS JOIN unnest(ARRAY['sha512', 'md5']) AS algorithm`,
  );
  await run(
    `INSERT INTO location (id, blob_id, store, object_key, state)
     SELECT md5('location' || id)::uuid, id, 'bench', 'bench/' || id, 'live' FROM blob`,
  );
  await run(
    `INSERT INTO artifact_blob (artifact_id, slot, key, path, media_type, blob_id)
     SELECT md5('artifact' || i)::uuid, 'data', '', 'data', 'application/octet-stream', md5('blob' || i)::uuid
     FROM generate_series(0, $1::int - 1, 4) AS i`,
    [artifacts],
  );
}

function typeOf(i: string): string {
  return `(ARRAY['image', 'heat-template', 'bundle', 'heat-environment'])[${i} % 4 + 1]`;
}

/** One in 4,000 belongs to `sparse`, one in five to `other`; a family belongs to one of them by the row's number. */
function projectOf(i: string): string {
  return `(CASE WHEN ${i} % 4000 = 1 THEN 'sparse' WHEN ${i} % 5 = 4 THEN 'other' ELSE 'big' END)`;
}

export interface ClosureDatasetOptions {
  readonly width: number;
  readonly depth: number;
  readonly project: string;
  /** The store that has the blobs. */
  readonly store: string;
}

/** `width × depth` pinned artifacts, each on three of the layer below, each with a blob. Gives the id that reaches all of them. */
export async function createClosureDataset(
  db: Database,
  { width, depth, project, store }: ClosureDatasetOptions,
): Promise<string> {
  const run = (text: string, ...more: unknown[]): Promise<object[]> => db.query({ text }, [width * depth, ...more]);
  await run(
    `INSERT INTO family (id, project, type, name) SELECT md5('c-family' || i)::uuid, $2, 'bundle', 'part-' || i
     FROM generate_series(0, $1::int - 1) AS i`,
    project,
  );
  await run(
    `INSERT INTO artifact (id, project, type, type_version, family_id, name, version, version_key, version_core, version_is_release,
       state, visibility, properties, digest_algorithm, digest_value, created_by, published_at)
     SELECT md5('c-artifact' || i)::uuid, $2, 'bundle', '1', md5('c-family' || i)::uuid, 'part-' || i, '1.0.0', $3, '1.0.0', true,
       'active', 'private', jsonb_build_object('number', i), 'sha256', md5('c' || i) || md5('d' || i), 'bench', now()
     FROM generate_series(0, $1::int - 1) AS i`,
    ...[project, versionKey('1', '0', '0', [])],
  );
  await run(
    `INSERT INTO dependency (artifact_id, position, slot, alias, target_type, target_name, range, resolved_id, resolved_project,
       resolved_type, resolved_name, resolved_version, resolved_digest)
     SELECT md5('c-artifact' || e.i)::uuid, e.n, 'bundle', 'part-' || e.n, 'bundle', 'part-' || e.j, '^1',
       md5('c-artifact' || e.j)::uuid, $3, 'bundle', 'part-' || e.j, '1.0.0', md5('c' || e.j) || md5('d' || e.j)
     FROM (
       SELECT i, n, (i / $2::int - 1) * $2::int + (i + n * 3) % $2::int AS j
       FROM generate_series($2::int, $1::int - 1) AS i CROSS JOIN generate_series(0, 2) AS n
       UNION ALL SELECT $1::int - 1, 3 + j - ($1::int - $2::int), j FROM generate_series($1::int - $2::int, $1::int - 2) AS j
     ) AS e`,
    ...[width, project],
  );
  await run(
    `INSERT INTO blob (id, digest_algorithm, digest_value, size_bytes)
     SELECT md5('c-blob' || i)::uuid, 'sha256', md5('cb' || i) || md5('cc' || i), 1000 + i FROM generate_series(0, $1::int - 1) AS i`,
  );
  await run(
    `INSERT INTO blob_digest (blob_id, algorithm, value)
     SELECT md5('c-blob' || i)::uuid, algorithm, md5('cb' || i) FROM generate_series(0, $1::int - 1) AS i
     CROSS JOIN unnest(ARRAY['sha512', 'md5']) AS algorithm`,
  );
  await run(
    `INSERT INTO location (id, blob_id, store, object_key, state)
     SELECT md5('c-location' || i)::uuid, md5('c-blob' || i)::uuid, $2, 'closure/' || i, 'live' FROM generate_series(0, $1::int - 1) AS i`,
    store,
  );
  await run(
    `INSERT INTO artifact_blob (artifact_id, slot, key, path, media_type, blob_id)
     SELECT md5('c-artifact' || i)::uuid, 'files', 'file', 'file', 'text/plain', md5('c-blob' || i)::uuid
     FROM generate_series(0, $1::int - 1) AS i`,
  );
  await db.query({ text: 'ANALYZE' });
  const [root] = await db.query<{ readonly id: string }>({ text: `SELECT md5('c-artifact' || $1::int)::uuid AS id` }, [
    width * depth - 1,
  ]);
  return root?.id ?? '';
}
