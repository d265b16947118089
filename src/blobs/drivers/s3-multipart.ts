/** The four calls of a multipart upload, and the single PUT, each safe to repeat. */
import { failpoint } from '#base/failpoint.ts';
import type { S3Body, S3Connection } from './s3-connection.ts';
import { isStatus, S3ResponseError } from './s3-error.ts';
import { encodeXml, findXmlText, findXmlTexts } from './s3-xml.ts';

// Assembling thousands of parts takes a server its time before the first byte of the answer.
const completeTimeouts = 10;

export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
  readonly sizeBytes: number;
}

/** Returns the id of the object's one upload. */
export async function beginMultipart(connection: S3Connection, object: string): Promise<string> {
  let isRepeated = false;
  const onRepeat = (): void => {
    isRepeated = true;
  };
  await failpoint('store.s3:begin');
  const { text } = await connection.requestText({ method: 'POST', object, query: { uploads: '' }, onRepeat });
  await failpoint('store.s3:begun');
  const uploadId = findXmlText(text, 'UploadId');
  if (uploadId === undefined) throw new S3ResponseError(200, 'no UploadId');
  // An attempt whose answer got lost has begun an upload that nobody knows.
  if (isRepeated) await abortUploads(connection, object, (other) => other !== uploadId);
  return uploadId;
}

export async function putPart(
  connection: S3Connection,
  part: { object: string; uploadId: string; number: number; body: S3Body; signal: AbortSignal },
): Promise<UploadedPart> {
  const query = { partNumber: String(part.number), uploadId: part.uploadId };
  const { object, body, signal } = part;
  await failpoint('store.s3:part');
  const { response } = await connection.requestText({ method: 'PUT', object, query, body, signal });
  const { etag } = response.headers;
  if (etag === undefined) throw new S3ResponseError(200, 'no ETag');
  await failpoint('store.s3:part-sent');
  return { number: part.number, etag, sizeBytes: body.length };
}

/** @throws S3ResponseError 412 or 409 when the object exists */
export async function completeMultipart(
  connection: S3Connection,
  upload: { object: string; uploadId: string; parts: readonly UploadedPart[]; sizeBytes: number; signal: AbortSignal },
): Promise<void> {
  const parts = upload.parts.map(
    ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${encodeXml(etag)}</ETag></Part>`,
  );
  const body = textBody(
    `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`,
  );
  await failpoint('store.s3:complete');
  await createOnce(connection, upload, async ({ headers, onRepeat }) => {
    const { text } = await connection.requestText({
      method: 'POST',
      object: upload.object,
      query: { uploadId: upload.uploadId },
      headers: { ...headers, 'content-type': 'application/xml' },
      body,
      signal: upload.signal,
      onRepeat,
      idleTimeoutMs: connection.idleTimeoutMs * completeTimeouts,
    });
    // S3 may begin a 200 before it knows the outcome, and then say in the body that it failed.
    const code = text.includes('<Error') ? (findXmlText(text, 'Code') ?? 'no code') : undefined;
    if (code !== undefined) throw new S3ResponseError(500, code);
  });
  await failpoint('store.s3:completed');
}

/** @throws S3ResponseError 412 or 409 when the object exists */
export async function putObject(
  connection: S3Connection,
  upload: { object: string; body: S3Body; sizeBytes: number; signal: AbortSignal },
): Promise<void> {
  const { object, body, signal } = upload;
  await failpoint('store.s3:put');
  await createOnce(connection, upload, async ({ headers, onRepeat }) => {
    await connection.requestText({ method: 'PUT', object, headers, body, signal, onRepeat });
  });
  await failpoint('store.s3:put-done');
}

/** Aborts the unfinished uploads of the object, or those of them that are meant. */
export async function abortUploads(
  connection: S3Connection,
  object: string,
  isMeant: (uploadId: string) => boolean = () => true,
): Promise<void> {
  for (const uploadId of await listUploads(connection, object)) {
    if (isMeant(uploadId)) await abortUpload(connection, object, uploadId);
  }
}

/** Ids of the unfinished uploads of exactly this object. */
async function listUploads(connection: S3Connection, object: string): Promise<string[]> {
  const { text } = await connection.requestText({ method: 'GET', object: '', query: { uploads: '', prefix: object } });
  return findXmlTexts(text, 'Upload')
    .filter((upload) => findXmlText(upload, 'Key') === object)
    .map((upload) => findXmlText(upload, 'UploadId') ?? '')
    .filter((uploadId) => uploadId !== '');
}

export async function abortUpload(connection: S3Connection, object: string, uploadId: string): Promise<void> {
  await failpoint('store.s3:abort');
  try {
    await connection.requestText({ method: 'DELETE', object, query: { uploadId } });
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
  }
}

/** Resolves also when there was nothing. */
export async function deleteObject(connection: S3Connection, object: string): Promise<void> {
  await failpoint('store.s3:delete');
  try {
    await connection.requestText({ method: 'DELETE', object });
  } catch (error) {
    // S3 answers 204 also when there was nothing; some servers say 404.
    if (!isStatus(error, 404)) throw error;
  }
}

/** The object's size, or undefined where there is none. */
export async function headObject(connection: S3Connection, object: string, signal?: AbortSignal): Promise<number | undefined> {
  try {
    const { response } = await connection.requestText({ method: 'HEAD', object, signal });
    return Number(response.headers['content-length'] ?? 0);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

interface CreateCondition {
  readonly headers: Readonly<Record<string, string>>;
  readonly onRepeat: () => void;
}

/**
 * Runs `create` with the condition that the object does not exist yet; on servers that do not know it, after a look. When an
 * answer got lost, the repeated attempt meets what the first one made: that is success, keys being used once.
 */
async function createOnce(
  connection: S3Connection,
  upload: { readonly object: string; readonly sizeBytes: number; readonly signal: AbortSignal },
  create: (condition: CreateCondition) => Promise<void>,
): Promise<void> {
  let isRepeated = false;
  const onRepeat = (): void => {
    isRepeated = true;
  };
  try {
    await create({ headers: { 'if-none-match': '*' }, onRepeat });
  } catch (error) {
    if (isRepeated && isStatus(error, 404, 409, 412)) {
      if ((await headObject(connection, upload.object, upload.signal)) === upload.sizeBytes) return;
    }
    if (!isStatus(error, 501)) throw error;
    if ((await headObject(connection, upload.object, upload.signal)) !== undefined) throw new S3ResponseError(412, '');
    await create({ headers: {}, onRepeat });
  }
}

export function textBody(text: string): S3Body {
  const bytes = Buffer.from(text);
  return { length: bytes.length, send: (request) => void request.end(bytes) };
}
