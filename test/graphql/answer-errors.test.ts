import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '#base/app-error.ts';
import type { Database } from '#metadata/database.ts';
import { createTestPlane, postRequest, type TestPlane, testRequestId } from './test-plane.ts';

let plane: TestPlane;
/** What the next statement fails with. */
let failure: Error | undefined;
const logged: object[] = [];

beforeAll(async () => {
  plane = await createTestPlane({
    services: ({ db, log }) => ({
      db: failing(db),
      log: Object.assign(Object.create(log), { error: (line: object) => logged.push(line) }),
    }),
  });
});
afterEach(() => {
  failure = undefined;
  logged.length = 0;
});
afterAll(() => plane[Symbol.asyncDispose]());

function failing(db: Database): Database {
  const query: Database['query'] = async (statement, values) => {
    if (failure !== undefined) throw failure;
    return db.query(statement, values);
  };
  const transaction: Database['transaction'] = async (work, options) => {
    if (failure !== undefined) throw failure;
    return db.transaction(work, options);
  };
  return Object.assign(Object.create(db), { query, transaction, reads: { query } });
}

const read = 'query { artifact(id: "00000000-0000-4000-8000-000000000000") { id } }';
const list = '{ gadgets { nodes { id } } }';

describe('an error nobody expected', () => {
  it('is masked: a code and the request id go out, the cause to the log', async () => {
    failure = new Error('password "hunter2" refused by 10.0.0.1');
    const answer = await plane.as('own')(list);
    expect(answer.status).toBe(500);
    expect(answer.data).toBeNull();
    expect(answer.text).not.toContain('hunter2');
    expect(answer.errors).toMatchObject([{ path: ['gadgets'], extensions: { code: 'INTERNAL', requestId: testRequestId } }]);
    expect(logged).toMatchObject([{ err: failure, requestId: testRequestId, path: ['gadgets'] }]);
  });

  it('is masked in a mutation too, where typed errors would be answered', async () => {
    failure = new TypeError('x is not a function');
    const answer = await plane.as('own')('mutation { createArtifact(input: { type: "kit" }) { __typename } }');
    expect(answer).toMatchObject({ status: 500, data: null, errors: [{ extensions: { code: 'INTERNAL' } }] });
    expect(answer.text).not.toContain('not a function');
  });

  it('leaves what else was asked for where it may: an answer in parts is a success', async () => {
    failure = new Error('no');
    const answer = await plane.as('own')(`{ artifactTypes { name } ${read.slice('query {'.length)}`);
    expect(answer).toMatchObject({ status: 200, data: { artifact: null }, errors: [{ extensions: { code: 'INTERNAL' } }] });
  });
});

describe('a known error', () => {
  it('has the status, code, remedy and facts of the catalogue', async () => {
    failure = new AppError('DATABASE_UNAVAILABLE', undefined, { details: { attempts: 3 } });
    expect(await plane.as('own')(list)).toMatchObject({
      status: 503,
      errors: [{ extensions: { code: 'DATABASE_UNAVAILABLE', remedy: expect.any(String), details: { attempts: 3 } } }],
    });
    // What failed on this side is for its operator to read, whatever the caller is told.
    expect(logged).toMatchObject([{ err: failure, requestId: testRequestId, path: ['gadgets'] }]);
  });

  it('has status 200 for a client of the older media type, but for errors of the transport', async () => {
    failure = new AppError('DATABASE_UNAVAILABLE');
    const accept = { accept: 'application/json' };
    expect(await plane.as('own')(list, {}, accept)).toMatchObject({ status: 200, data: null });
    expect(await plane.send(postRequest('{', accept))).toMatchObject({ status: 400 });
    expect(await plane.send(postRequest({ query: '{' }, accept))).toMatchObject({ status: 200 });
  });

  it('points at the faults of a filter', async () => {
    const answer = await plane.as('own')('{ gadgets(filter: { or: [] }) { nodes { id } } }');
    expect(answer.errors).toMatchObject([{ extensions: { code: 'INPUT_INVALID', faults: [{ pointer: '/filter/or' }] } }]);
  });
});

describe('an error of the request', () => {
  it.each([
    ['no JSON', '{"query"', 'REQUEST_MALFORMED'],
    ['JSON that is no object', '[]', 'REQUEST_MALFORMED'],
    ['a batch', '[{"query":"{__typename}"}]', 'REQUEST_MALFORMED'],
    ['a key twice', '{"query":"{__typename}","query":"{__typename}"}', 'REQUEST_MALFORMED'],
    ['an unknown parameter', '{"query":"{__typename}","id":"1"}', 'REQUEST_MALFORMED'],
    ['a key __proto__', '{"query":"{__typename}","variables":{"__proto__":{"a":1}}}', 'REQUEST_MALFORMED'],
    ['half a surrogate pair', '{"query":"{__typename}","variables":{"a":"\\ud800"}}', 'REQUEST_MALFORMED'],
    ['deep nesting', `{"query":"{__typename}","variables":{"a":${'['.repeat(5000)}${']'.repeat(5000)}}}`, 'REQUEST_MALFORMED'],
    ['a syntax error', '{"query":"{ a"}', 'REQUEST_MALFORMED'],
    ['an unknown field', '{"query":"{ nope }"}', 'INPUT_INVALID'],
    ['a missing variable', '{"query":"query ($id: ID!) { node(id: $id) { id } }"}', 'INPUT_INVALID'],
    ['an unknown operation', '{"query":"query A { __typename }","operationName":"B"}', 'REQUEST_MALFORMED'],
    [
      'a variable of another kind',
      '{"query":"query ($n: Int) { gadgets(first: $n) { nodes { id } } }","variables":{"n":"1"}}',
      'INPUT_INVALID',
    ],
    ['a number over 32 bits', '{"query":"{ gadgets(first: 99999999999) { nodes { id } } }"}', 'INPUT_INVALID'],
    ['an unknown input field', '{"query":"mutation { createKit(input: { nope: 1 }) { __typename } }"}', 'INPUT_INVALID'],
  ])('has a code: %s', async (_name, body, code) => {
    const answer = await plane.send(postRequest(body));
    expect(answer.status).toBe(400);
    expect(answer.errors[0]?.extensions).toMatchObject({ code, requestId: testRequestId, remedy: expect.any(String) });
    expect(logged).toEqual([]);
  });
});
