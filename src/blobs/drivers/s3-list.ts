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

export interface S3Entry {
  /** Beyond the prefix. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly changedAt: Date;
}

/** Every object under the prefix whose name beyond it is a key. */
export async function* listObjects(connection: S3Connection, listing: S3Listing): AsyncGenerator<StoredObject> {
  for await (const { name, sizeBytes } of listEntries(connection, listing)) {
    if (isObjectKey(name)) yield { key: name, sizeBytes };
  }
}

/** Every object under the prefix, by name. */
export async function* listEntries(
  connection: S3Connection,
  { storeName, prefix, pageMax, signal }: S3Listing,
): AsyncGenerator<S3Entry> {
  let token: string | undefined;
  do {
    const from = token === undefined ? {} : { 'continuation-token': token };
    const page = { 'list-type': '2', 'max-keys': String(pageMax), prefix, ...from };
    const text = await listPage(connection, storeName, page, signal);
    for (const entry of findXmlTexts(text, 'Contents')) {
      signal.throwIfAborted();
      yield {
        name: (findXmlText(entry, 'Key') ?? '').slice(prefix.length),
        sizeBytes: Number(findXmlText(entry, 'Size')),
        changedAt: new Date(findXmlText(entry, 'LastModified') ?? 0),
      };
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
