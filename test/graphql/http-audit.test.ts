import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCaller } from '#policy/policy.ts';
import { createTestPlane, type TestPlane, testRequestId } from './test-plane.ts';

let plane: TestPlane;
let url = '';
const server = createServer((request, response) => {
  const caller = createCaller('auditor', 'audit', ['reader']);
  const signal = new AbortController().signal;
  plane.plane.handle(request, response, { caller, requestId: testRequestId, signal }).catch(() => response.destroy());
});

beforeAll(async () => {
  plane = await createTestPlane();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await plane[Symbol.asyncDispose]();
});

// The list is there before the server's address is, so each audit is looked up again by its id.
const audits = serverAudits({ url: 'http://127.0.0.1/graphql', fetchFn: fetch });

describe('GraphQL over HTTP', () => {
  it('is audited as a whole', () => {
    expect(audits.length).toBeGreaterThanOrEqual(61);
  });

  it.each(audits.map(({ id, name }) => [name, id]))('%s', async (_name, id) => {
    const audit = serverAudits({ url, fetchFn: fetch }).find((known) => known.id === id);
    expect(await audit?.fn()).toMatchObject({ status: 'ok' });
  });
});
