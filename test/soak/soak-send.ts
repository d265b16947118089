/** The ways a soak's client sends bytes into a draft: in one request, or by tus in parts that any node takes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply, SoakClient } from './soak-client.ts';
import { bytesOf, type Content, type Ledger, sha256Of } from './soak-ledger.ts';

/** Longer than any lease of a writer that was killed. */
const busyMs = 90_000;

interface Place {
  readonly artifactId: string;
  readonly path: string;
}

export interface Sender {
  put(place: Place, content: Content): Promise<void>;
  tus(place: Place, content: Content): Promise<void>;
  /** Begins one, sends some of it, and never comes back; or ends it. */
  abandon(place: Place, content: Content): Promise<void>;
}

export function createSender(client: SoakClient, ledger: Ledger): Sender {
  const sent = (way: string, content: Content): void => {
    ledger.count(`sent by ${way}`);
    ledger.count('bytes sent', content.sizeBytes);
  };
  return {
    async put(place, content) {
      const body = bytesOf(content);
      const url = `/api/v1/artifacts/${place.artifactId}/slots/files/${place.path}`;
      const digest = Buffer.from(sha256Of(content), 'hex').toString('base64');
      const headers = { 'content-type': 'application/octet-stream', 'repr-digest': `sha-256=:${digest}:` };
      const reply = await whileBusy(ledger, () => client.send('PUT', url, { headers, body }));
      if (reply.status !== 201) throw new Error(`PUT ${url}: ${reply.code}`);
      const { sha256, size } = JSON.parse(reply.body.toString()) as { sha256: string; size: number };
      if (sha256 !== sha256Of(content) || size !== content.sizeBytes) throw new Error(`PUT ${url}: acknowledged ${sha256}`);
      sent('PUT', content);
    },
    async tus(place, content) {
      const url = await begin(client, ledger, place, content);
      await append(client, ledger, url, content, content.sizeBytes);
      await untilFinished(client, url, content);
      sent('tus', content);
    },
    async abandon(place, content) {
      const url = await begin(client, ledger, place, content);
      await append(client, ledger, url, content, Math.floor(content.sizeBytes / 2));
      if (Math.random() < 0.5) {
        ledger.count('tus uploads abandoned');
        return;
      }
      const { code, isRepeated } = await whileBusy(ledger, () => client.send('DELETE', url, { headers: tusHeaders }));
      const isDone = code === undefined || (isRepeated && (code === 'UPLOAD_NOT_FOUND' || code === 'UPLOAD_GONE'));
      if (!isDone) throw new Error(`DELETE ${url}: ${code}`);
      ledger.count('tus uploads terminated');
    },
  };
}

const tusHeaders = { 'tus-resumable': '1.0.0' };

async function begin(client: SoakClient, ledger: Ledger, place: Place, content: Content): Promise<string> {
  const values = { artifact: place.artifactId, slot: 'files', path: place.path, sha256: sha256Of(content) };
  const metadata = Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
  const headers = { ...tusHeaders, 'upload-length': String(content.sizeBytes), 'upload-metadata': metadata };
  const reply = await whileBusy(ledger, () => client.send('POST', '/api/v1/uploads', { headers }));
  const location = reply.headers.get('location');
  if (reply.status !== 201 || location === null) throw new Error(`POST of an upload: ${reply.code}`);
  return new URL(location, 'http://any').pathname;
}

/** In parts of random size; after a break it goes on where the upload stands, as every client of tus does. */
async function append(client: SoakClient, ledger: Ledger, url: string, content: Content, until: number): Promise<void> {
  const bytes = bytesOf(content);
  const isWhole = until === content.sizeBytes;
  for (let offset = 0, first = true; offset < until || (isWhole && first && until === 0); first = false) {
    const size = 64 * 1024 + Math.floor(Math.random() * 3 * 1024 * 1024);
    const part = bytes.subarray(offset, Math.min(offset + size, until));
    const headers = { ...tusHeaders, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) };
    const reply = await whileBusy(ledger, () => client.send('PATCH', url, { headers, body: part }));
    if (reply.status === 204) offset = Number(reply.headers.get('upload-offset'));
    else if (reply.code === 'UPLOAD_OFFSET_MISMATCH' && reply.isRepeated) {
      const stands = await client.send('HEAD', url, { headers: tusHeaders });
      const offsetNow = Number(stands.headers.get('upload-offset') ?? Number.NaN);
      if (stands.status !== 200 || !(offsetNow >= offset)) {
        throw new Error(`HEAD ${url}: ${stands.status}, ${offsetNow} where ${offset} was acknowledged`);
      }
      ledger.count('tus uploads gone on with after a kill');
      offset = offsetNow;
    } else throw new Error(`PATCH ${url} at ${offset} of ${content.sizeBytes}: ${reply.code}`);
  }
}

async function untilFinished(client: SoakClient, url: string, content: Content): Promise<void> {
  const until = performance.now() + busyMs;
  while (performance.now() < until) {
    const reply = await client.send('GET', url);
    if (reply.status !== 200) throw new Error(`GET ${url}: ${reply.code}`);
    const { state, entry } = JSON.parse(reply.body.toString()) as { state: string; entry?: { sha256: string } };
    if (state === 'finished') {
      if (entry?.sha256 !== sha256Of(content)) throw new Error(`GET ${url}: finished with ${entry?.sha256}`);
      return;
    }
    if (state !== 'verifying' && state !== 'receiving' && state !== 'open') throw new Error(`GET ${url}: ${state}`);
    await sleep(250);
  }
  throw new Error(`GET ${url}: not finished within ${busyMs} ms`);
}

/**
 * Asks again while a writer that was killed holds the place: a request that broke with its node is typed as busy for the rest of
 * the dead one's lease. Without such a break before it, busy is an answer like any other.
 */
async function whileBusy(ledger: Ledger, ask: () => Promise<Reply>): Promise<Reply> {
  const until = performance.now() + busyMs;
  let hasBroken = false;
  for (;;) {
    const reply = await ask();
    hasBroken ||= reply.isRepeated;
    const isBusy = reply.code === 'UPLOAD_BUSY' || reply.code === 'UPLOAD_LOCKED';
    if (!isBusy || !hasBroken || performance.now() > until) return { ...reply, isRepeated: hasBroken };
    ledger.count('waits for a killed writer');
    await sleep(1_000);
  }
}
