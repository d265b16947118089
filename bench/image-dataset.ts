/** N images with data, written by a few INSERT … SELECT statements, for facade.ts. */
import type { Database } from '#metadata/database.ts';

/** `big` owns most; `sparse` owns, or accepted, one image in 1,000. */
export const imageProjects = { big: 'big', other: 'other', sparse: 'sparse' } as const;

const part = 10_000;

/** Each single filter that the Image API has, as its clients write it; one in 64 matches unless it says otherwise. */
export const imageFilters: readonly string[] = [
  ...['name=image-5', 'name=nothing', 'name=in:image-5,image-6', 'status=active', 'status=deactivated', 'status=queued'],
  ...['disk_format=raw', 'disk_format=iso', 'disk_format=vdi', 'container_format=bare', 'size_min=1000', 'size_min=1063'],
  ...['size_max=1000', 'size_min=9000', 'tag=bench', 'tag=tag-5', 'tag=nothing', 'visibility=private', 'visibility=shared'],
  ...['visibility=public', 'visibility=community', 'visibility=all', 'owner=big', 'owner=other', 'protected=true'],
  ...[
    'os_hidden=true',
    'min_ram=515',
    'os_distro=distro-5',
    'os_distro=nothing',
    'hw_disk_bus=virtio',
    'free=f5',
    'free=nothing',
  ],
  ...['created_at=gt:2026-01-01T00:10:00Z', 'created_at=lt:2026-01-01T00:10:00Z', 'updated_at=lt:2026-01-01T00:10:00Z'],
  ...['checksum=0', 'member_status=all', 'os_vitrine_version=*'],
];

/** One in 64 has a given name, tag, distribution, checksum; one in 8,000 is public, so that `sparse` sees next to nothing of others. */
export async function createImages(db: Database, count: number): Promise<void> {
  const run = (text: string, values: readonly unknown[] = []): Promise<object[]> => db.query({ text }, values);
  for (let from = 0; from < count; from += part) {
    const range = [from, Math.min(count, from + part) - 1];
    await run(
      `INSERT INTO artifact (id, project, type, type_version, name, state, visibility, hidden, protected, properties, tags, size_bytes,
         single_blobs, created_by, created_at, updated_at, published_at)
       SELECT md5('image' || i)::uuid, ${projectOf('i')}, 'image', '1', 'image-' || i % 64,
         CASE WHEN i % 64 = 7 THEN 'deactivated' ELSE 'active' END,
         CASE WHEN i % 8000 = 9 THEN 'public' WHEN i % 2000 = 1001 THEN 'shared' WHEN i % 64 = 11 THEN 'community' ELSE 'private' END,
         i % 64 = 13, i % 64 = 15,
         jsonb_build_object('disk_format', CASE WHEN i % 64 = 17 THEN 'iso' ELSE 'raw' END, 'container_format', 'bare',
           'min_ram', 512 + i % 64, 'min_disk', 8, 'architecture', 'x86_64', 'os_type', 'linux', 'os_distro', 'distro-' || i % 64,
           'os_version', '13', 'hw_disk_bus', 'virtio', 'free', 'f' || i % 64),
         ARRAY['bench', 'tag-' || i % 64], 1000 + i % 64,
         jsonb_build_object('data', jsonb_build_array(${blobIdOf('i')}, 1000 + i % 64, md5('blob' || i) || md5('b' || i),
           repeat(md5('blob' || i), 4), md5('blob' || i))),
         'bench', t.at, t.at, t.at
       FROM generate_series($1::int, $2::int) AS i
       CROSS JOIN LATERAL (SELECT '2026-01-01T00:00:00Z'::timestamptz + i * interval '7 seconds' AS at) AS t`,
      range,
    );
    await run(
      `INSERT INTO blob (id, digest_algorithm, digest_value, size_bytes)
       SELECT ${blobIdOf('i')}, 'sha256', md5('blob' || i) || md5('b' || i), 1000 + i % 64
       FROM generate_series($1::int, $2::int) AS i`,
      range,
    );
    await run(
      `INSERT INTO blob_digest (blob_id, algorithm, value)
       SELECT ${blobIdOf('i')}, d.algorithm, d.value FROM generate_series($1::int, $2::int) AS i
       CROSS JOIN LATERAL (VALUES ('sha512', repeat(md5('blob' || i), 4)), ('md5', md5('blob' || i))) AS d (algorithm, value)`,
      range,
    );
    await run(
      `INSERT INTO location (id, blob_id, store, object_key, state)
       SELECT md5('location' || i)::uuid, ${blobIdOf('i')}, 'default', 'bench/' || i, 'live'
       FROM generate_series($1::int, $2::int) AS i`,
      range,
    );
    await run(
      `INSERT INTO artifact_blob (artifact_id, slot, key, path, media_type, blob_id)
       SELECT md5('image' || i)::uuid, 'data', '', 'data', 'application/octet-stream', ${blobIdOf('i')}
       FROM generate_series($1::int, $2::int) AS i`,
      range,
    );
  }
  await run(
    `INSERT INTO member (artifact_id, project, status, type, artifact_created_at)
     SELECT id, 'sparse', 'accepted', type, created_at FROM artifact WHERE visibility = 'shared'`,
  );
}

/** With the time in front, as the server makes them. */
function blobIdOf(i: string): string {
  return `(lpad(to_hex(1767225600000 + ${i} * 7000::bigint), 12, '0') || '7' || substr(md5('blob' || ${i}), 14))::uuid`;
}

function projectOf(i: string): string {
  return `(CASE WHEN ${i} % 2000 = 1 THEN 'sparse' WHEN ${i} % 5 = 4 THEN 'other' ELSE 'big' END)`;
}
