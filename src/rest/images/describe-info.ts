/** What the OpenAPI document says of the versions of this API, and of what clients may ask about the server. */
import type { OperationDescription } from '#base/http-description.ts';
import { about, json, noReader, type Operations } from './describe-parts.ts';

export const infoOperations: Readonly<Record<string, Operations>> = {
  '/info/import': about('showImportMethods', 'Ways to import an image', 'ImportMethods'),
  '/info/stores': about('listStores', 'The stores that data may go to', 'StoreList', noReader),
  '/info/stores/detail': about(
    'listStoreDetails',
    'The stores, and what they are',
    'StoreList',
    'Only for services and administrators.',
  ),
  '/info/usage': about('showUsage', 'What the caller’s project has', 'Usage', noReader),
};

/** @param status that clients wait for at this path */
export const describeVersions = (id: string, status: number): OperationDescription => ({
  id,
  summary: 'The versions of the Image API that are here',
  answers: { [status]: { description: 'The newest first.', content: json('Versions') } },
  refusals: {},
});
