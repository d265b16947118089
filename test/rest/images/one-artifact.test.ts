import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '#base/json.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

let server: TestServer;
let blue: Record<string, string>;

beforeAll(async () => {
  server = await startTestServer({ graphql: true });
  blue = await server.tokenFor('blue', 'member');
});
afterAll(() => server[Symbol.asyncDispose]());

async function graphql(query: string, variables: JsonObject = {}, caller = blue) {
  const headers = { ...caller, 'content-type': 'application/json' };
  const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  expect(errors).toBeUndefined();
  return data;
}

const rest = async (method: string, path: string, body?: JsonObject | readonly JsonObject[]) => {
  const type = method === 'PATCH' ? 'application/openstack-images-v2.1-json-patch' : 'application/json';
  const headers = { ...blue, 'content-type': type };
  const response = await fetch(`${server.url}/v2/images${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: text.startsWith('{') ? JSON.parse(text) : undefined };
};

const upload = (id: string): Promise<Response> =>
  fetch(`${server.url}/v2/images/${id}/file`, {
    method: 'PUT',
    headers: { ...blue, 'content-type': 'application/octet-stream' },
    body: 'some bytes',
  });

const imageFields = `... on Image { id name version state visibility hidden protected tags diskFormat minDisk
  extraProperties(keys: ["hw_disk_bus"]) { key value } }`;

describe('one image by two APIs', () => {
  it('that is made here is an artifact of type image there', async () => {
    const { json: made } = await rest('POST', '', {
      ...{ name: 'both', disk_format: 'raw', container_format: 'bare', min_disk: 3, tags: ['t'], os_hidden: true },
      ...{ hw_disk_bus: 'virtio', protected: true },
    });
    const { artifact } = await graphql(`query ($id: ID!) { artifact(id: $id) { __typename ${imageFields} } }`, { id: made.id });
    expect(artifact).toMatchObject({
      ...{ __typename: 'Image', id: made.id, name: 'both', version: null, state: 'draft', visibility: 'shared', hidden: true },
      ...{ protected: true, tags: ['t'], diskFormat: 'raw', minDisk: 3 },
      extraProperties: [{ key: 'hw_disk_bus', value: 'virtio' }],
    });
    expect((await upload(made.id)).status).toBe(204);
    const after = await graphql(`query ($id: ID!) { artifact(id: $id) { state } }`, { id: made.id });
    expect(after).toEqual({ artifact: { state: 'active' } });
  });

  it('that is made there is an image here, and each sees what the other changes', async () => {
    const { createImage } = await graphql(
      `mutation { createImage(input: { name: "there", properties: { diskFormat: raw, containerFormat: bare } }) {
        ... on CreateImagePayload { artifact { id revision } } } }`,
    );
    const { id } = createImage.artifact;
    expect((await rest('GET', `/${id}`)).json).toMatchObject({ name: 'there', status: 'queued', visibility: 'private' });
    expect((await rest('PATCH', `/${id}`, [{ op: 'add', path: '/note', value: 'by REST' }])).status).toBe(200);
    expect((await upload(id)).status).toBe(204);
    await graphql(
      `mutation ($id: ID!) { updateArtifact(input: { id: $id, version: "1.0.0", addTags: ["seen"] }) { __typename } }`,
      { id },
    );
    expect((await rest('GET', `/${id}`)).json).toMatchObject({
      ...{ status: 'active', os_vitrine_version: '1.0.0', tags: ['seen'], note: 'by REST' },
    });
    const { resolve } = await graphql(`{ resolve(ref: "image/there@^1") { artifact { id } } }`);
    expect(resolve).toEqual({ artifact: { id } });
    expect((await rest('DELETE', `/${id}`)).status).toBe(204);
    expect(await graphql(`query ($id: ID!) { artifact(id: $id) { id } }`, { id })).toEqual({ artifact: null });
  });
});

describe('what the Image API says when an image is made', () => {
  it('is said by GraphQL too: hidden, protected, and of another project by an administrator', async () => {
    const { createImage } = await graphql(
      `mutation { createImage(input: { hidden: true, protected: true, visibility: shared }) {
        ... on CreateImagePayload { artifact { id } } } }`,
    );
    const { id } = createImage.artifact;
    expect((await rest('GET', `/${id}`)).json).toMatchObject({ os_hidden: true, protected: true, visibility: 'shared' });
    expect((await rest('DELETE', `/${id}`)).status).toBe(403);
    const move = `mutation ($id: ID!) { updateImage(input: { id: $id, project: "green" }) {
      __typename ... on UpdateImagePayload { artifact { project } } } }`;
    expect((await graphql(move, { id })).updateImage).toEqual({ __typename: 'ForbiddenError' });
    const moved = await graphql(move, { id }, await server.tokenFor('ops', 'admin'));
    expect(moved.updateImage).toMatchObject({ artifact: { project: 'green' } });
    expect((await rest('GET', `/${id}`)).status).toBe(404);
  });
});

describe('many at once', () => {
  it('who choose one id: one has it', async () => {
    const id = crypto.randomUUID();
    const results = await Promise.all(Array.from({ length: 8 }, () => rest('POST', '', { id, name: 'one' })));
    expect(results.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, ...Array(7).fill(409)]);
  });

  it('who change different fields: none is lost', async () => {
    const { json: made } = await rest('POST', '', {});
    const changes = Array.from({ length: 8 }, (_, n) =>
      rest('PATCH', `/${made.id}`, [{ op: 'add', path: `/p${n}`, value: `${n}` }]),
    );
    expect((await Promise.all(changes)).map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect((await rest('GET', `/${made.id}`)).json).toMatchObject({ p0: '0', p3: '3', p7: '7' });
  });

  it('who delete one image: one does', async () => {
    const { json: made } = await rest('POST', '', {});
    const results = await Promise.all(Array.from({ length: 5 }, () => rest('DELETE', `/${made.id}`)));
    expect(results.map(({ status }) => status).sort((a, b) => a - b)).toEqual([204, 404, 404, 404, 404]);
  });
});
