/**
 * A process that moves bytes as cheaply as Node can, and prints the milliseconds it took, from the first request to the last answer:
 * `node bytes-client.ts put|tus|get URL DRAFT SEED BYTES [PART_BYTES]`. SEED makes the bytes those of no other seed.
 */
import { once } from 'node:events';
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const blockBytes = 1024 * 1024;
const [, , mode, url = '', draft = '', seed = '0', bytesText = '0', partText = '0'] = process.argv;
const total = Number(bytesText);
const partBytes = Number(partText);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const block = Buffer.alloc(blockBytes, Number(seed) % 251);
const blobPath = `/api/v1/artifacts/${draft}/slots/files/blob`;

const startedAt = performance.now();
if (mode === 'put') await send('PUT', blobPath, {}, total, 201);
else if (mode === 'tus') await sendParts();
else await receive();
console.log(performance.now() - startedAt);
agent.destroy();

async function sendParts(): Promise<void> {
  const version = { 'Tus-Resumable': '1.0.0' };
  const metadata = Object.entries({ artifact: draft, slot: 'files', path: 'blob' })
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
  const created = await send(
    'POST',
    '/api/v1/uploads',
    { ...version, 'Upload-Length': total, 'Upload-Metadata': metadata },
    0,
    201,
  );
  const path = created.headers.location ?? '';
  let state: unknown;
  for (let offset = 0; offset < total; offset += partBytes) {
    const headers = { ...version, 'Upload-Offset': offset, 'Content-Type': 'application/offset+octet-stream' };
    const answer = await send('PATCH', path, headers, Math.min(partBytes, total - offset), 204);
    state = answer.headers['vitrine-upload-state'];
  }
  // Until the blob is verified, and stands in its place.
  for (; state !== 'finished'; await sleep(20)) {
    const answer = await send('HEAD', path, version, 0, 200);
    state = answer.headers['vitrine-upload-state'];
  }
}

async function receive(): Promise<void> {
  const outgoing = request(`${url}${blobPath}`, { agent }).end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let received = 0;
  for await (const piece of response) received += (piece as Buffer).length;
  if (received !== total) throw new Error(`${received} bytes came, ${total} were expected (status ${response.statusCode})`);
}

async function send(
  method: string,
  path: string,
  headers: OutgoingHttpHeaders,
  bytes: number,
  status: number,
): Promise<IncomingMessage> {
  const outgoing = request(`${url}${path}`, { method, agent, headers: { ...headers, 'Content-Length': bytes } });
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  for (let sent = 0; sent < bytes; sent += blockBytes) {
    if (!outgoing.write(block.subarray(0, Math.min(blockBytes, bytes - sent)))) await once(outgoing, 'drain');
  }
  outgoing.end();
  const [response] = await answered;
  await response.resume().toArray();
  if (response.statusCode !== status) throw new Error(`${method} ${path} was answered ${response.statusCode}`);
  return response;
}
