/** The reference of boot.ts: a bare node:http server that sends one row's ready text, by a named statement over a pool of 8. */
import { createServer } from 'node:http';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.argv[2] ?? '', max: 8 });

const server = createServer((request, response) => {
  const id = (request.url ?? '').slice('/'.length);
  pool.query<{ body: string }>({ name: 'ready', text: 'SELECT body FROM bench_ready WHERE id = $1', values: [id] }).then(
    ({ rows }) => {
      const body = rows[0]?.body ?? '';
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
      response.end(body);
    },
    () => response.writeHead(500).end(),
  );
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : undefined);
});
