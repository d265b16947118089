/** The reference of facade.ts: bare node:http over ready text: one row, 25 rows after a place, one bare insert. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.argv[2] ?? '', max: 8 });

interface Ready {
  readonly body: string;
}

const routes: Readonly<Record<string, (...keys: readonly string[]) => Promise<string>>> = {
  row: async (id) => {
    const { rows } = await pool.query<Ready>({ name: 'row', text: 'SELECT body FROM bench_ready WHERE id = $1', values: [id] });
    return rows[0]?.body ?? '';
  },
  page: async (createdAt = '', id) => {
    const { rows } = await pool.query<Ready>({
      name: 'page',
      text: `SELECT body FROM bench_ready WHERE (created_at, id) < ($1::timestamptz, $2::uuid)
        ORDER BY created_at DESC, id DESC LIMIT 25`,
      values: [decodeURIComponent(createdAt), id],
    });
    return `{"images":[${rows.map(({ body }) => body).join()}]}`;
  },
  insert: async () => {
    const { rows } = await pool.query<{ readonly id: string }>({
      name: 'insert',
      // What a create writes: the id for good, the row, its event, its audit.
      text: `WITH i AS (INSERT INTO used_id (id) VALUES ($1)),
          a AS (INSERT INTO artifact (id, project, type, type_version, name, state, visibility, properties, tags, created_by)
            VALUES ($1, 'big', 'image', '1', $2, 'draft', 'shared', $3, $4, 'bench') RETURNING id),
          e AS (INSERT INTO event (kind, project, subject_type, subject_id, revision, payload)
            VALUES ('artifact.created', 'big', 'artifact', $1::uuid, 1, $3)),
          u AS (INSERT INTO audit (caller, project, action, subject_type, subject_id, revision, detail)
            VALUES ('bench', 'big', 'artifact:create', 'artifact', $1::uuid, 1, '{}'))
        SELECT id FROM a`,
      values: [
        randomUUID(),
        'bare',
        JSON.stringify({ disk_format: 'raw', container_format: 'bare', hw_disk_bus: 'virtio' }),
        ['a', 'b'],
      ],
    });
    return JSON.stringify(rows[0]);
  },
};

const server = createServer((request, response) => {
  const [, kind = '', ...keys] = (request.url ?? '').split('/');
  const answer = routes[kind];
  if (answer === undefined) {
    response.writeHead(404).end();
    return;
  }
  answer(...keys).then(
    (body) => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
      response.end(body);
    },
    (error) => response.destroy(error),
  );
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : undefined);
});
