import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { administer, createTestDatabase, type TestDatabase } from '#test/support/database.ts';
import { freePort } from '#test/support/free-port.ts';
import { root } from '../house/modules.ts';

let stack: AsyncDisposableStack;
let test: TestDatabase;
let folder: string;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  test = stack.use(await createTestDatabase());
  folder = await mkdtemp(join(tmpdir(), 'vitrine-worker-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
});
afterEach(() => stack.disposeAsync());

interface Started {
  readonly child: ChildProcess;
  output(): string;
}

/** On the database and the store of this test. */
function start(command: readonly string[], url = test.url): Started {
  const child = spawn(process.execPath, [join(root, 'src/launch.js'), ...command, '--data-dir', folder], {
    env: { PATH: process.env['PATH'], HOME: folder, DATABASE_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'exit');
  stack.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await exited;
  });
  return { child, output: () => output };
}

async function until(holds: () => boolean | Promise<boolean>, tell: () => string): Promise<void> {
  for (const end = performance.now() + 40_000; performance.now() < end; await sleep(100)) if (await holds()) return;
  throw new Error(`what was waited for did not come: ${tell()}`);
}

const isUp = (url: string) =>
  fetch(url).then(
    ({ status }) => status === 200,
    () => false,
  );

/** Several processes start in each. */
const timeoutMs = 120_000;

const countOf = async (sql: string) => (await test.db.query<{ count: number }>({ text: sql }))[0]?.count ?? 0;

async function mutate(url: string, name: string, input: object): Promise<{ readonly artifact: { readonly id: string } }> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const fields = '__typename ... on Error { code message } ... on ArtifactPayload { artifact { id } }';
  const query = `mutation ($input: ${type}!) { result: ${name}(input: $input) { ${fields} } }`;
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const answer = await response.json();
  expect(answer).toMatchObject({ data: { result: { __typename: 'ArtifactPayload' } } });
  return answer.data.result;
}

describe('vitrine worker', () => {
  it(
    'runs the jobs it is for beside a server that runs none, is seen by health and metrics, and ends when told to',
    async () => {
      const port = await freePort();
      const server = start(['serve', '--port', '0', '--jobs-worker', 'false', '--jobs-expire-keys-every-ms', '200']);
      await until(() => server.output().includes('ready at'), server.output);
      await sleep(2000);
      expect(await countOf('SELECT count(*) AS count FROM vitrine_jobs.job')).toBe(0);
      const every = ['--jobs-expire-keys-every-ms', '200', '--jobs-expire-drafts-every-ms', '200'];
      const worker = start(['worker', '--queues', 'keys:expire', '--metrics-port', String(port), ...every]);
      await until(() => isUp(`http://127.0.0.1:${port}/readyz`), worker.output);
      const ended = `SELECT count(*) AS count FROM vitrine_jobs.job WHERE state = 'completed'`;
      await until(async () => (await countOf(ended)) >= 2, worker.output);
      expect(await countOf(`SELECT count(*) AS count FROM vitrine_jobs.job WHERE name <> 'keys.expire'`)).toBe(0);
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      expect(metrics).toMatch(/vitrine_job_attempts_total\{name="keys:expire",outcome="completed"\} [1-9]/);
      expect(metrics).toMatch(/vitrine_job_seconds_count\{name="keys:expire"\} [1-9]/);
      worker.child.kill('SIGTERM');
      expect(await once(worker.child, 'exit')).toEqual([0, null]);
      server.child.kill('SIGTERM');
      expect(await once(server.child, 'exit')).toEqual([0, null]);
    },
    timeoutMs,
  );

  it(
    'purges what was deleted and collects its bytes, which the server does not',
    async () => {
      const server = start(['serve', '--port', '0', '--jobs-worker', 'false', '--delete-delay-ms', '500']);
      await until(() => server.output().includes('ready at'), server.output);
      const url = /ready at (http:\S+)/.exec(server.output())?.[1] ?? '';
      const { artifact } = await mutate(url, 'createArtifact', { type: 'bundle', name: 'gone', version: '1.0.0' });
      const sent = await fetch(`${url}/api/v1/artifacts/${artifact.id}/slots/files/a.bin`, { method: 'PUT', body: 'bytes' });
      expect(sent.status).toBe(201);
      await mutate(url, 'publishArtifact', { id: artifact.id });
      const objects = async () => (await readdir(folder, { recursive: true })).filter((name) => /objects\/..\/./.test(name));
      expect(await objects()).toHaveLength(1);
      await mutate(url, 'deleteArtifact', { id: artifact.id });
      const stateOf = async () => (await test.db.query<{ state: string }>({ text: 'SELECT state FROM artifact' }))[0]?.state;
      await sleep(2000);
      expect(await stateOf()).toBe('pending_delete');
      expect(await countOf('SELECT count(*) AS count FROM vitrine_jobs.job')).toBe(0);

      const queues = ['--queues', 'artifacts:purge', '--queues', 'blobs:collect'];
      const every = ['--jobs-purge-every-ms', '300', '--jobs-collect-every-ms', '300', '--storage-collect-grace-ms', '500'];
      const worker = start(['worker', ...queues, ...every]);
      await until(async () => (await stateOf()) === 'deleted', worker.output);
      await until(async () => (await objects()).length === 0, worker.output);
      await until(async () => (await countOf('SELECT count(*) AS count FROM blob')) === 0, worker.output);
      expect(await countOf(`SELECT count(*) AS count FROM location`)).toBe(0);
      const names = await test.db.query<{ name: string }>({ text: 'SELECT DISTINCT name FROM vitrine_jobs.job ORDER BY name' });
      expect(names).toEqual([{ name: 'artifacts.purge' }, { name: 'blobs.collect' }]);
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
    },
    timeoutMs,
  );

  it(
    'refuses a name that is no job',
    async () => {
      const worker = start(['worker', '--queues', 'no:such']);
      expect(await once(worker.child, 'exit')).toEqual([3, null]);
      expect(worker.output()).toMatch(/no:such/);
    },
    timeoutMs,
  );
});

describe('two servers that start at once on an empty database, for a role that may little', () => {
  it(
    'make the queue once, and share its schedule',
    async () => {
      await using empty = await createTestDatabase({ empty: true });
      const role = `vitrine_${new URL(empty.url).pathname.slice(-8)}`;
      const database = new URL(empty.url).pathname.slice(1);
      await administer(empty.url, `CREATE ROLE ${role} LOGIN PASSWORD 'secret' NOSUPERUSER NOCREATEDB NOCREATEROLE`);
      await administer(empty.url, `ALTER DATABASE ${database} OWNER TO ${role}`);
      stack.defer(() => administer(test.url, `DROP ROLE IF EXISTS ${role}`));
      const url = new URL(empty.url);
      url.username = role;
      url.password = 'secret';
      const servers = [1, 2].map(() => start(['serve', '--port', '0', '--jobs-expire-keys-every-ms', '500'], url.href));
      for (const server of servers) await until(() => server.output().includes('ready at'), server.output);
      const completed = async () =>
        (await empty.db.query<{ n: number }>({ text: `SELECT count(*) AS n FROM vitrine_jobs.job WHERE state = 'completed'` }))[0]
          ?.n ?? 0;
      await until(
        async () => (await completed()) >= 3,
        () => servers.map(({ output }) => output()).join('\n'),
      );
      for (const { child, output } of servers) {
        child.kill('SIGTERM');
        expect(await once(child, 'exit'), output()).toEqual([0, null]);
        expect(output()).not.toMatch(/could not reach its jobs|"level":(50|60)/);
      }
    },
    timeoutMs,
  );
});
