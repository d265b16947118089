/** Negotiation as GraphQL clients see it: states and ways in the order asked, faults as data. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { actAs, putText } from '#test/support/operations.ts';
import { type Ask, createTestPlane, dig, type TestPlane } from './test-plane.ts';

const mutation = `mutation ($input: NegotiateUploadsInput!) {
  negotiateUploads(input: $input) {
    __typename
    ... on Error { code }
    ... on ValidationError { faults { pointer } }
    ... on ConflictError { faults { pointer } }
    ... on NegotiateUploadsPayload {
      revision
      blobs { slot path state entry { url sha256 sizeBytes } upload { putUrl tusCreateUrl sessionUrl offset } }
    }
  }
}`;

let server: TestPlane;
let ask: Ask;

beforeAll(async () => {
  server = await createTestPlane();
  ask = server.as('own');
});
afterAll(() => server[Symbol.asyncDispose]());

function offer(text: string, slot: string, path?: string) {
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { slot, path: path ?? null, mediaType: null, sizeBytes: text.length, sha256 };
}

async function negotiate(input: object): Promise<unknown> {
  const { data, text } = await ask(mutation, { input });
  return dig(data ?? text, 'negotiateUploads');
}

describe('negotiateUploads', () => {
  it('answers what is there with its URL, and the ways to send what is not', async () => {
    const own = actAs(server.services, 'own');
    const { id } = await createArtifact(own, { type: 'kit', name: 'negotiated', version: '1.0.0' });
    await putText(own, id, 'docs', 'known', 'known file');
    const sent = offer('new', 'main', 'sub/main file');
    const blobs = [offer('known', 'docs', 'copy'), sent, offer('other', 'docs', 'a/b c')];
    expect(await negotiate({ artifactId: id, blobs, expectedRevision: 2 })).toEqual({
      __typename: 'NegotiateUploadsPayload',
      revision: 3,
      blobs: [
        {
          ...{ slot: 'docs', path: 'copy', state: 'HAVE', upload: null },
          entry: { url: `/api/v1/artifacts/${id}/slots/docs/copy`, sha256: blobs[0]?.sha256, sizeBytes: 5 },
        },
        {
          ...{ slot: 'main', path: 'sub/main file', state: 'SEND', entry: null },
          upload: {
            putUrl: `/api/v1/artifacts/${id}/slots/main?path=sub%2Fmain%20file`,
            ...{ tusCreateUrl: '/api/v1/uploads', sessionUrl: null, offset: null },
          },
        },
        {
          ...{ slot: 'docs', path: 'a/b c', state: 'SEND', entry: null },
          upload: {
            putUrl: `/api/v1/artifacts/${id}/slots/docs/a/b%20c`,
            ...{ tusCreateUrl: '/api/v1/uploads', sessionUrl: null, offset: null },
          },
        },
      ],
    });
  });

  it('answers faults as typed errors with pointers', async () => {
    const own = actAs(server.services, 'own');
    const { id } = await createArtifact(own, { type: 'kit', name: 'negotiated', version: '2.0.0' });
    const clash = { artifactId: id, blobs: [offer('a', 'docs', 'x'), offer('b', 'docs', 'X')] };
    expect(await negotiate(clash)).toEqual({
      __typename: 'ConflictError',
      code: 'PATH_TAKEN',
      faults: [{ pointer: '/blobs/1/path' }],
    });
    expect(await negotiate({ artifactId: id, blobs: [offer('a', 'nothing')] })).toMatchObject({ __typename: 'ValidationError' });
    expect(await negotiate({ artifactId: id, blobs: [], expectedRevision: 9 })).toMatchObject({ __typename: 'RevisionConflict' });
    expect(await negotiate({ artifactId: 'no id', blobs: [] })).toMatchObject({ __typename: 'NotFoundError' });
  });
});
