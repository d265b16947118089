/** Many hostile requests at once, and inputs that cost much: bounded answers, and a server that is as well after as before. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '#test/support/server.ts';
import { countRows } from '#test/support/stored-rows.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ graphql: true });
});
afterAll(async () => {
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  expect(server.logged.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  await server[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly codes: readonly string[];
}

async function post(body: string | Uint8Array<ArrayBuffer>, type = 'application/json'): Promise<Answer> {
  const headers = { 'content-type': type, accept: 'application/graphql-response+json' };
  const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body });
  const { errors = [] } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
  return { status: response.status, codes: errors.map(({ extensions }) => extensions.code) };
}

const ask = (query: string, variables: object = {}): string => JSON.stringify({ query, variables });
const filtered = (filter: string): string =>
  `{"query":"query ($f: ArtifactFilter) { artifacts(first: 1, filter: $f) { nodes { id } } }","variables":{"f":${filter}}}`;
const repeated = (text: string, count: number): string => Array(count).fill(text).join(',');
const plain = '{"query":"{ __typename }"';

const hostile: readonly (readonly [string, string | Uint8Array<ArrayBuffer>])[] = [
  ['nothing', ''],
  ['null', 'null'],
  ['a batch', `[${plain}}]`],
  ['very deep lists', '['.repeat(200_000)],
  ['very deep objects', '{"a":'.repeat(100_000)],
  ['a key twice', `${plain},"query":"{ other }"}`],
  ['the key of prototypes', `${plain},"__proto__":{"admin":true}}`],
  ['half a surrogate pair', `${plain},"variables":{"a":"\\ud800"}}`],
  ['a number beyond all', `${plain},"variables":{"a":1e99999}}`],
  ['a very long number', `${plain},"variables":{"a":${'9'.repeat(100_000)}}}`],
  ['bytes that are no UTF-8', Buffer.from('{"query":"\xff"}', 'latin1')],
  ['ten megabytes', `{"query":"${' '.repeat(10_000_000)}"}`],
  ['variables that are a text', `${plain},"variables":"x"}`],
  ['extensions that are a list', `${plain},"extensions":[]}`],
  ['a persisted query that is not there', '{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}'],
  ['fragments in a circle', ask('{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }')],
  ['directives without number', ask(`{ __typename ${'@skip(if: false) '.repeat(500)} }`)],
  ['unknown directives', ask(`{ __typename ${'@a '.repeat(900)} }`)],
  ['streams', ask('{ ... @defer { __typename } }')],
  ['a subscription', ask('subscription { x }')],
  ['ids without number', ask('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: Array(5_000).fill('x') })],
  ['a deep filter', filtered(`${'{"not":'.repeat(50)}{"hidden":true}${'}'.repeat(50)}`)],
  ['a wide filter', filtered(`{"or":[${repeated('{"name":{"eq":"x"}}', 3_000)}]}`)],
  ['a large set', filtered(`{"name":{"in":[${repeated('"x"', 20_000)}]}}`)],
  ['many tags', filtered(`{"tags":{"all":[${repeated('"x"', 20_000)}]}}`)],
  ['a year that is none', filtered('{"createdAt":{"gt":"0000-01-01T00:00:00+14:00"},"version":{"eq":"x"},"no":1}')],
];

describe('a request to GraphQL', () => {
  it.each(hostile)('of %s is refused with a code, and keeps nothing', async (_name, body) => {
    const before = await countRows(server.services.db);
    const { status, codes } = await post(body);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(codes.length).toBeGreaterThan(0);
    expect(codes).not.toContain('INTERNAL');
    expect(await countRows(server.services.db)).toEqual(before);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
  ])('of the type %s is refused', async (type) =>
    expect(await post(ask('{ __typename }'), type)).toEqual({ status: 415, codes: ['MEDIA_TYPE_UNSUPPORTED'] }),
  );

  it('changes nothing when it is a GET', async () => {
    const before = await countRows(server.services.db);
    const mutation = 'mutation { createToken(input: { subject: "x", roles: [ADMIN] }) { __typename } }';
    expect((await fetch(`${server.url}/graphql?query=${encodeURIComponent(mutation)}`)).status).toBe(405);
    expect(await countRows(server.services.db)).toEqual(before);
  });
});

describe('many at once', () => {
  it('are each answered as one alone would be, and others are served among them', async () => {
    const wanted = await Promise.all(hostile.map(([, body]) => post(body)));
    const rounds = Array.from({ length: 8 }, () => hostile.filter(([name]) => name !== 'ten megabytes'));
    const others: Promise<Answer>[] = [];
    const answers = await Promise.all(
      rounds.flat().map(([name, body], index) => {
        if (index % 10 === 0) others.push(post(ask('{ artifacts(first: 1) { nodes { id } } }')));
        return post(body).then((answer) => [name, answer] as const);
      }),
    );
    for (const [name, answer] of answers) expect(answer, name).toEqual(wanted[hostile.findIndex(([known]) => known === name)]);
    for (const answer of await Promise.all(others)) expect(answer).toEqual({ status: 200, codes: [] });
  });
});
