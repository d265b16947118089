/** Bad input of each built-in type, through the whole stack: made, uploaded, and refused at the latest when it is published. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '#test/support/server.ts';

let server: TestServer;
let number = 0;
beforeAll(async () => {
  server = await startTestServer({ graphql: true });
});
afterAll(() => server[Symbol.asyncDispose]());

interface Attempt {
  readonly properties?: object;
  readonly dependencies?: readonly object[];
  readonly files?: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>;
}

interface Outcome {
  readonly code: string;
  readonly pointers: readonly string[];
}

const createText = `mutation ($input: CreateArtifactInput!) { result: createArtifact(input: $input) {
  ... on ArtifactPayload { artifact { id } } ... on Error { code } ... on ValidationError { faults { pointer } } } }`;
const publishText = `mutation ($id: ID!) { result: publishArtifact(input: { id: $id }) { __typename
  ... on Error { code } ... on ValidationError { faults { pointer } } ... on DependencyError { problems { alias } } } }`;

interface Result {
  readonly artifact?: { readonly id: string };
  readonly code?: string;
  readonly faults?: readonly { readonly pointer: string }[];
  readonly problems?: readonly { readonly alias: string }[];
}

async function mutate(query: string, variables: object): Promise<Result> {
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };
  const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  expect(response.status).toBe(200);
  return ((await response.json()) as { data: { result: Result } }).data.result;
}

const toOutcome = ({ code, faults, problems }: Result): Outcome => ({
  code: code ?? 'ok',
  pointers: [...(faults ?? []).map(({ pointer }) => pointer), ...(problems ?? []).map(({ alias }) => alias)],
});

/** How far it got. */
async function attempt(type: string, { properties = {}, dependencies = [], files = {} }: Attempt): Promise<Outcome> {
  number += 1;
  const input = { type, name: `bad-${number}`, version: '1.0.0', properties, dependencies };
  const created = await mutate(createText, { input });
  const id = created.artifact?.id;
  if (id === undefined) return toOutcome(created);
  for (const [place, body] of Object.entries(files)) {
    const response = await fetch(`${server.url}/api/v1/artifacts/${id}/slots/${place}`, { method: 'PUT', body });
    if (response.status === 201) continue;
    expect(response.status).toBeLessThan(500);
    return { code: ((await response.json()) as { code: string }).code, pointers: [] };
  }
  const outcome = toOutcome(await mutate(publishText, { id }));
  const { rows } = {
    rows: await server.services.db.query<{ state: string }>({ text: `SELECT state FROM artifact WHERE id = $1` }, [id]),
  };
  expect(rows[0]?.state).toBe(outcome.code === 'ok' ? 'active' : 'draft');
  return outcome;
}

const version = 'heat_template_version: 2018-08-31\n';
const sound = `${version}resources: { r: { type: OS::Heat::None } }\n`;
const value = (text: string): string => `${version}resources: { r: { type: OS::Heat::Value, properties: { value: ${text} } } }\n`;
const bomb = Array.from(
  { length: 12 },
  (_, i) =>
    `  a${i}: &a${i} { type: x, p: [${Array(10)
      .fill(i ? `*a${i - 1}` : 'x')
      .join()}] }\n`,
).join('');
const nested = (to: number): string => `${version}resources: { r: { type: n${to}.yaml } }\n`;

describe('a heat-template', () => {
  it.each<[string, string | Uint8Array<ArrayBuffer>]>([
    ['without a version', 'resources: { r: { type: a } }'],
    ['of a version that is none', sound.replace('2018-08-31', '1999-01-01')],
    ['of two formats', `${sound}AWSTemplateFormatVersion: '2010-09-09'\n`],
    ['with a section that is none', `${sound}foo: {}\n`],
    ['without resources', version],
    ['with no resource', `${version}resources: {}\n`],
    ['with resources as a list', `${version}resources: []\n`],
    ['with a resource without type', `${version}resources: { r: {} }\n`],
    ['with a type that is no text', `${version}resources: { r: { type: 5 } }\n`],
    ['with a parameter of no known type', `${sound}parameters: { p: { type: strng } }\n`],
    ['with a function that is none', value('{ get_atrr: [a, b] }')],
    ['with a function of a later version', value('{ str_split: [a, b] }').replace('2018-08-31', '2013-05-23')],
    ['that gets a file which is not there', value('{ get_file: a.sh }')],
    ['that gets a file of the machine', value('{ get_file: /etc/passwd }')],
    ['that gets a file by URL', value('{ get_file: "file:///etc/passwd" }')],
    ['that gets a file outside its tree', value('{ get_file: ../../x }')],
    ['that nests what is not there', `${version}resources: { r: { type: nested.yaml } }\n`],
    ['that stands twice in itself', sound + sound.split('\n')[1]],
    ['with a tag of JavaScript', value('!!js/function "function () {}"')],
    ['with a tag of Python', value('!!python/object/apply:os.system [x]')],
    ['with a tag of its own', value('!mine x')],
    ['with aliases that unfold without end', `${version}resources:\n${bomb}`],
    ['with an alias of itself', `${version}resources: &a { r: *a }\n`],
    ['that merges what is no map', `${version}resources: { r: { <<: 5 } }\n`],
    ['that is deep as lists', value('['.repeat(20_000) + ']'.repeat(20_000))],
    ['that is deep as JSON', '{"a":'.repeat(40_000)],
    ['that is deep as blocks', '- '.repeat(50_000)],
    ['of very many values', value(`[${'1,'.repeat(60_000)}]`)],
    ['with the key of prototypes', `${version}resources: { __proto__: { type: x } }\n`],
    ['with a key that is a list', `${version}resources: { ? [a] : { type: x } }\n`],
    ['of two documents', `${sound}---\n${sound}`],
    ['that is empty', ''],
    ['that is only a text', 'hello'],
    ['that is no UTF-8', Buffer.from('ff4100', 'hex')],
    ['with a NUL', `${sound}# \0`],
    ['with a terminal escape', `${sound}# \u001b[31m`],
    ['with tabs', `${version}\tresources: {}\n`],
  ])('%s is refused at its file', async (_name, text) => {
    const outcome = await attempt('heat-template', { files: { 'template?path=stack.yaml': text } });
    expect(outcome.code).toBe('BLOB_REFUSED');
    expect(outcome.pointers[0]).toBe('/slots/template/stack.yaml');
  });

  it('that nests too deep, or in a circle, is refused', async () => {
    const deep = Object.fromEntries([1, 2, 3, 4, 5, 6].map((i) => [`files/n${i}.yaml`, i === 6 ? sound : nested(i + 1)]));
    const files = { 'template?path=stack.yaml': nested(1) };
    expect(await attempt('heat-template', { files: { ...files, ...deep } })).toMatchObject({ code: 'BLOB_REFUSED' });
    const circle = await attempt('heat-template', { files: { ...files, 'files/n1.yaml': nested(1) } });
    expect(circle).toEqual({ code: 'BLOB_REFUSED', pointers: ['/slots/files/n1.yaml'] });
  });

  it('that is too large is not even taken', async () => {
    const files = { 'template?path=stack.yaml': `${sound}# ${'x'.repeat(600_000)}` };
    expect(await attempt('heat-template', { files })).toMatchObject({ code: 'BLOB_TOO_LARGE' });
  });

  it.each([
    ['half a surrogate pair', `${sound}parameters: { p: { type: string, default: "\\ud800" } }\n`],
    ['an escaped NUL', `${sound}parameters: { p: { type: string, default: "\\0" } }\n`],
    ['a deep default', `${sound}parameters: { p: { type: json, default: ${'{ a: '.repeat(50)}1${' }'.repeat(50)} } }\n`],
    [
      'names that no property may have',
      `${sound}parameters: { p: { type: json, default: { "": 1, "\\n": 2 } }, "\\0": { type: string } }\n`,
    ],
    ['a very long type', `${version}resources: { r: { type: ${'x'.repeat(70_000)} } }\n`],
    ['a description cut inside a character', `${sound}description: "${'x'.repeat(999)}😀"\n`],
  ])('that Heat would take is not our failure, whatever it says of itself: %s', async (_name, text) => {
    expect(await attempt('heat-template', { files: { 'template?path=stack.yaml': text } })).toMatchObject({ code: 'ok' });
  });
});

describe('a heat-environment', () => {
  it.each<[string, string | Uint8Array<ArrayBuffer>]>([
    ['with a section that is none', 'parmeters: {}'],
    ['with a section of nothing', 'parameters:\n'],
    ['that is a list', '[]'],
    ['with a registry that names what is not there', 'resource_registry: { "A::B": x.yaml }'],
    ['with a registry that names a file of the machine', 'resource_registry: { "A::B": /etc/x.yaml }'],
    ['with a registry that leaves its tree', 'resource_registry: { "A::B": ../x.yaml }'],
    ['with a registry of numbers', 'resource_registry: { "A::B": 5 }'],
    ['with a strategy that is none', 'parameter_merge_strategies: { a: overwrit }'],
    ['with aliases that unfold without end', `parameters:\n${bomb}`],
    ['that says a thing twice', 'parameters: { a: 1, a: 2 }'],
    ['that is no UTF-8', Buffer.from('ff', 'hex')],
    ['with a tag of JavaScript', 'parameters: { a: !!js/regexp /x/ }'],
  ])('%s is refused at its file', async (_name, text) => {
    const outcome = await attempt('heat-environment', { files: { 'environment?path=env.yaml': text } });
    expect(outcome).toMatchObject({ code: 'BLOB_REFUSED', pointers: ['/slots/environment/env.yaml'] });
  });

  it('is published with names that no property may hold', async () => {
    const files = { 'environment?path=env.yaml': 'parameters: { "\\0": 1, "\\ud800": 2, good: 3 }' };
    expect(await attempt('heat-environment', { files })).toMatchObject({ code: 'ok' });
  });
});
