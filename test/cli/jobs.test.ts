import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '#test/support/server.ts';
import { runVitrine } from './run-command.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ graphql: true });
});
afterAll(() => server[Symbol.asyncDispose]());

const run = (...args: readonly string[]) => runVitrine(args, { url: server.url });

describe('vitrine jobs', () => {
  it('asks for a job, shows, lists, cancels it and tries it again', async () => {
    const asked = await run('jobs', 'run', 'stores:reconcile', '--payload', '{"repair": true}', '--json');
    const { id } = JSON.parse(asked.out) as { id: string };
    expect((await run('jobs', 'list')).out).toMatch(new RegExp(`${id} +stores:reconcile +waiting +0/\\d`));
    expect((await run('jobs', 'list', '--state', 'failed', '--name', 'stores:reconcile')).out).not.toContain(id);
    expect((await run('jobs', 'show', id)).out).toMatch(/state +waiting\n[\s\S]*payload +\{"repair":true\}/);
    expect((await run('jobs', 'cancel', id)).out).toBe(`stores:reconcile is cancelled (${id})\n`);
    expect((await run('jobs', 'retry', id)).out).toBe(`stores:reconcile is waiting (${id})\n`);
    expect(JSON.parse((await run('jobs', 'show', id, '--json')).out)).toMatchObject({ id, state: 'waiting', progress: null });
  });

  it('shows how far a job is', async () => {
    const { queue, db } = server.services;
    const id = (await queue.enqueue(db, { name: 'keys:expire', payload: {} })) ?? '';
    await db.query({ text: `INSERT INTO vitrine_jobs.progress (job_id, done, total, note) VALUES ($1, 5, 9, 'keys')` }, [id]);
    expect((await run('jobs', 'show', id)).out).toMatch(/progress +5 of 9 keys\n/);
    expect((await run('jobs', 'list')).out).toMatch(/5 of 9 keys/);
  });

  it('fails for what is no job, no payload and no id, with the code’s exit code', async () => {
    expect(await run('jobs', 'run', 'no:such')).toMatchObject({ code: 3, err: expect.stringMatching(/no:such/) });
    expect((await run('jobs', 'run', 'keys:expire', '--payload', '{')).code).toBe(2);
    expect((await run('jobs', 'run', 'keys:expire', '--payload', '[]')).code).toBe(2);
    expect((await run('jobs', 'show', 'x')).code).toBe(6);
    expect((await run('jobs', 'list', '--limit', '0')).code).toBe(2);
  });
});
