/** What many-small.ts is compared with: a bare server that writes each body to a file of its own, and fsyncs it. `node many-small-reference.ts FOLDER` prints its port. */
import { mkdir, open } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const folder = process.argv[2] ?? '';
await mkdir(folder, { recursive: true });
let next = 0;
const server = createServer((request, response) => {
  keep(request).then(
    () => response.writeHead(201).end('{}'),
    () => response.destroy(),
  );
});

async function keep(request: AsyncIterable<Buffer>): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  next += 1;
  const file = await open(join(folder, String(next)), 'wx');
  await file.writeFile(Buffer.concat(chunks));
  await file.sync();
  await file.close();
}

server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.once('SIGTERM', () => process.exit(0));
