/** The walk over a bucket, page by page. */
import type { StoredObject } from '../blob-store.ts';
import { isObjectKey } from '../object-key.ts';
import type { S3Connection } from './s3-connection.ts';
import { toS3StoreError } from './s3-error.ts';
import { findXmlText, findXmlTexts } from './s3-xml.ts';

export interface S3Listing {
  readonly storeName: string;
  readonly prefix: string;
  readonly pageMax: number;
  readonly signal: AbortSignal;
}

/** Every object under the prefix whose name beyond it is a key. */
export async function* listObjects(
  connection: S3Connection,
  { storeName, prefix, pageMax, signal }: S3Listing,
): AsyncGenerator<StoredObject> {
  let token: string | undefined;
  do {
    const from = token === undefined ? {} : { 'continuation-token': token };
    const page = { 'list-type': '2', 'max-keys': String(pageMax), prefix, ...from };
    const text = await listPage(connection, storeName, page, signal);
    for (const entry of findXmlTexts(text, 'Contents')) {
      signal.throwIfAborted();
      const key = (findXmlText(entry, 'Key') ?? '').slice(prefix.length);
      if (isObjectKey(key)) yield { key, sizeBytes: Number(findXmlText(entry, 'Size')) };
    }
    token = findXmlText(text, 'NextContinuationToken');
  } while (token !== undefined);
}

async function listPage(
  connection: S3Connection,
  storeName: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  try {
    return (await connection.requestText({ method: 'GET', object: '', query, signal })).text;
  } catch (error) {
    signal.throwIfAborted();
    throw toS3StoreError(error, storeName);
  }
}
