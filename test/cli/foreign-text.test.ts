/** Text that others wrote: on a terminal it is text, whatever is in it, and one line; in JSON it is what it is. */

import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#base/json.ts';
import { type FakeVitrine, startFakeVitrine } from './fake-vitrine.ts';
import { runVitrine } from './run-command.ts';

/** Clears the screen, by both ways to begin an escape, and forges a line by every kind of line break. */
const hostile = 'x\u001b[2J\u009b2J\r\n  digest  sha256:forged\u2028forged\u2029forged\u0085forged';
const shown = 'x [2J 2J   digest  sha256:forged forged forged forged';

const artifact = {
  ...{ id: hostile, project: hostile, type: hostile, name: hostile, version: hostile, state: hostile, visibility: hostile },
  ...{ revision: 1, digest: hostile, createdAt: hostile, publishedAt: hostile, tags: [hostile], hidden: false },
  ...{ protected: false, yankedAt: 'now', deprecatedAt: 'now', deprecationMessage: hostile },
  properties: { [hostile]: hostile, list: ['\u009b2J', hostile] },
  blobs: [{ slot: hostile, path: hostile, mediaType: hostile, sizeBytes: 1, sha256: hostile, url: '/' }],
  dependencies: [{ slot: 'a', alias: hostile, ref: hostile, parameter: null, resolved: { id: hostile, version: hostile } }],
};
const job = { id: hostile, name: hostile, state: hostile, attempts: 1, maxAttempts: 2, createdAt: hostile };
const withProgress = { ...job, progress: { done: 1, total: 2, note: hostile }, payload: { a: hostile }, output: { b: '\u009b' } };
const rule = { name: hostile, kind: hostile, description: hostile };

const answers: Readonly<Record<string, JsonObject>> = {
  Resolve: { resolve: { warnings: [hostile], artifact } },
  List: { artifacts: { edges: [{ node: artifact }], pageInfo: { hasNextPage: false } } },
  YankArtifact: { yankArtifact: { __typename: 'ArtifactPayload', artifact } },
  Types: { artifactTypes: [{ ...rule, current: { slots: [rule], dependencies: [rule] }, properties: [rule] }] },
  Tokens: { tokens: [{ id: hostile, subject: hostile, project: hostile, roles: [hostile], expiresAt: hostile }] },
  Jobs: { jobs: [withProgress] },
  Job: { job: withProgress },
  Instance: { instance: { readOnly: true, readOnlyReason: hostile, readOnlySince: hostile } },
};

async function startHostile(): Promise<FakeVitrine> {
  const server = await startFakeVitrine();
  const send = (line: string, body: JsonObject) =>
    server.override.set(line, (response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  for (const [operation, data] of Object.entries(answers)) send(operation, { data });
  const problems = [{ kind: hostile, message: hostile }];
  send('GET /api/v1/closure', { closureDigest: hostile, nodes: [artifact], problems, root: hostile });
  return server;
}

describe('text that others wrote', () => {
  it.each([
    ['show a', 13],
    ['list', 2],
    ['yank a', 1],
    ['closure a', 3],
    ['types list', 4],
    ['token list', 2],
    ['jobs list', 2],
    ['jobs show b', 8],
    ['read-only status', 1],
  ])('neither moves the cursor nor begins a line: %s', async (command, lines) => {
    await using server = await startHostile();
    const { code, out, err } = await runVitrine(command.split(' '), { url: server.url });
    expect(code).toBe(0);
    expect(`${out}${err}`.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    expect(out).toContain(shown);
    expect(out.split('\n')).toHaveLength(lines + 1);
    expect(err.split('\n').filter((line) => line !== '' && line !== `warning: ${shown}`)).toEqual([]);
  });

  it('is exact in JSON', async () => {
    await using server = await startHostile();
    const { out } = await runVitrine(['show', 'a', '--json'], { url: server.url });
    expect(JSON.parse(out)).toMatchObject({ name: hostile, tags: [hostile], properties: artifact.properties });
  });

  it('is one line of an error', async () => {
    await using server = await startFakeVitrine();
    server.override.set('Resolve', (response) => {
      const faults = [{ pointer: `/${hostile}`, message: hostile }];
      const errors = [{ message: `No: ${hostile}`, extensions: { code: 'INPUT_INVALID', faults } }];
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data: null, errors }));
    });
    const { err } = await runVitrine(['show', 'a'], { url: server.url });
    expect(err.split('\n').slice(0, 2)).toEqual([`vitrine: No: ${shown} [INPUT_INVALID]`, `  /${shown}: ${shown}`]);
  });
});
