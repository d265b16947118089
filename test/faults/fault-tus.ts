/** A tus client that loses nothing by a server that dies: it asks where the upload stands, and goes on from there. */
import { request } from './fault-client.ts';
import { NotYet, Refused } from './fault-errors.ts';
import { hexSha256 } from './fault-steps.ts';
import { acknowledge, persist, type World } from './fault-world.ts';

const tus = { 'tus-resumable': '1.0.0' };
const collection = '/api/v1/uploads';

export interface TusUpload {
  readonly id: string;
  readonly path: string;
  readonly bytes: Buffer;
  /** What is declared; by default the truth. */
  readonly sha256?: string;
  /** Of a request; by default all that is left. */
  readonly chunkBytes?: number;
  /** Where it is, once it was made. */
  url?: string | undefined;
  /** The place of a part is none. */
  readonly isPart?: boolean;
  /** Finished ones, of which this is to be joined. */
  readonly parts?: readonly TusUpload[];
}

export async function createTus(world: World, upload: TusUpload): Promise<void> {
  const { id, path, bytes, sha256 = hexSha256(bytes) } = upload;
  const place = { 'upload-metadata': metadata({ artifact: id, slot: 'files', path, sha256 }) };
  const length = { 'upload-length': String(bytes.length) };
  const headers = upload.parts
    ? { ...tus, ...place, 'upload-concat': `final;${upload.parts.map(({ url }) => url).join(' ')}` }
    : { ...tus, ...length, ...(upload.isPart ? { 'upload-concat': 'partial' } : place) };
  const { headers: answered } = await persist(world, () => request(world, 'POST', collection, { headers }));
  upload.url = answered.get('location') ?? '';
}

/** One request of bytes, from where the upload stands. @returns whether all bytes are there */
export async function appendTus(world: World, upload: TusUpload): Promise<boolean> {
  const { bytes, url = '', chunkBytes = bytes.length } = upload;
  const offset = await offsetOf(world, url);
  if (offset === bytes.length) return true;
  const headers = { ...tus, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' };
  const body = bytes.subarray(offset, offset + chunkBytes);
  const answer = await request(world, 'PATCH', url, { headers, body });
  return Number(answer.headers.get('upload-offset')) === bytes.length;
}

/** Until it stands in its place, or has failed. @throws Refused with the code of an upload that failed */
export async function finishTus(world: World, upload: TusUpload): Promise<void> {
  await persist(world, async () => {
    try {
      if (upload.url === undefined) await createTus(world, upload);
      if (upload.parts === undefined && !(await appendTus(world, upload))) throw new NotYet('more is to be sent');
      const { json } = await request(world, 'GET', upload.url ?? '');
      const { state, entry, error } = json as { state: string; entry?: { sha256: string }; error?: { code: string } };
      if (state === 'failed') throw new Refused(200, error?.code ?? 'failed', 'the upload failed');
      if (state !== 'finished') throw new NotYet(`the upload is ${state}`);
      if (entry !== undefined) acknowledge(world, upload.id, upload.path, entry.sha256);
    } catch (error) {
      // It ended with what it was replaced by, or expired: begun anew.
      if (error instanceof Refused && ['UPLOAD_NOT_FOUND', 'UPLOAD_GONE'].includes(error.code)) upload.url = undefined;
      throw error;
    }
  });
}

/** Gone already is as good. */
export async function abortTus(world: World, url: string): Promise<void> {
  await persist(world, async () => {
    await request(world, 'DELETE', url, { headers: tus }).catch((error: unknown) => {
      if (!(error instanceof Refused) || !['UPLOAD_NOT_FOUND', 'UPLOAD_GONE'].includes(error.code)) throw error;
    });
  });
}

export async function offsetOf(world: World, url: string): Promise<number> {
  // HEAD has no body to say why; GET has.
  const { json } = await request(world, 'GET', url);
  return Number(json['offset']);
}

function metadata(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
}
