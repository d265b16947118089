/** The command line as a whole: its help, its exit codes, and how it says what went wrong. */
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '#cli/cli.ts';
import { problem, startFakeVitrine } from './fake-vitrine.ts';
import { runVitrine } from './run-command.ts';

const quiet = {
  out: () => undefined,
  err: () => undefined,
  isTerminal: false,
  env: {},
  cwd: '/',
  signal: new AbortController().signal,
};

function leaves(command: Command, path: readonly string[] = []): (readonly string[])[] {
  if (command.commands.length === 0) return [path];
  return command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
}

const commands = leaves(await createProgram(quiet)).map((path) => path.join(' '));

describe('the commands', () => {
  it('are those that are documented', () => {
    expect(commands.toSorted()).toEqual(
      [
        ...[
          'serve',
          'db migrate',
          'config',
          'policy check',
          'policy explain',
          'policy schema',
          'schema print',
          'types list',
          'types check',
          'types new',
          'push',
          'publish',
          'pull',
        ],
        ...['closure', 'list', 'show', 'dependents', 'yank', 'deprecate', 'deactivate', 'delete', 'restore'],
        ...[
          'jobs list',
          'jobs show',
          'jobs run',
          'jobs retry',
          'jobs cancel',
          'worker',
          'read-only on',
          'read-only off',
          'read-only status',
        ],
        ...['storage check', 'storage repair', 'storage scrub', 'storage collect'],
        ...['token create', 'token list', 'token revoke'],
      ].toSorted(),
    );
  });

  it.each(commands)('%s: its help has a sentence, --json and an example that names it', async (command) => {
    const { code, out, err } = await runVitrine([...command.split(' '), '--help']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/\n[A-Z].*\.\n/);
    expect(out).toContain('--json');
    expect(out).toContain(`$ vitrine ${command}`);
  });
});

describe('the exit code', () => {
  it('is 0 for help and version, 2 for what cannot be understood', async () => {
    expect(await runVitrine([])).toMatchObject({ code: 0, out: expect.stringContaining('Start here') });
    expect((await runVitrine(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await runVitrine(['shw'])).toMatchObject({
      code: 2,
      err: expect.stringContaining("unknown command 'shw' (Did you mean show?)"),
    });
    expect(await runVitrine(['token'])).toMatchObject({ code: 2, err: expect.stringContaining('revoke') });
    expect((await runVitrine(['show'])).err).toContain('[USAGE]');
    expect((await runVitrine(['show', 'a', '--what'])).code).toBe(2);
    expect((await runVitrine(['show', 'a'], { url: 'ftp://x' })).code).toBe(2);
    expect(await runVitrine(['show', 'a'], { token: 'vtr_secret\nline' })).toMatchObject({
      code: 2,
      err: expect.not.stringContaining('secret'),
    });
    for (const limit of ['99999999', '10001', '1e3', '0x10', '-1', ' 5', '']) {
      const refused = await runVitrine(['list', `--limit=${limit}`]);
      expect(refused).toMatchObject({ code: 2, out: '', err: expect.stringContaining('from 1 to 10000') });
    }
    for (const flag of ['--order=size', '--state=gone', '--visibility=some', '--limit=0', '--property=a=b']) {
      expect(await runVitrine(['list', flag])).toMatchObject({ code: 2, err: expect.stringContaining('[USAGE]') });
    }
  });

  it('is 9 where no server answers', async () => {
    const { code, out, err } = await runVitrine(['show', 'image/cirros'], { url: 'http://127.0.0.1:1' });
    expect([code, out]).toEqual([9, '']);
    expect(err).toMatch(/^vitrine: No Vitrine answers at http:\/\/127\.0\.0\.1:1: .* \[SERVER_UNREACHABLE\]\n {2}→ .*\n$/);
  });

  it.each([
    [401, 'UNAUTHENTICATED', 4],
    [403, 'FORBIDDEN', 5],
    [429, 'RATE_LIMITED', 8],
    [500, 'INTERNAL', 1],
    [503, 'DATABASE_UNAVAILABLE', 9],
    [418, 'OF_A_LATER_VERSION', 3],
  ])('follows the class of the error: %i %s is %i', async (status, code, expected) => {
    await using server = await startFakeVitrine();
    server.override.set('Resolve', (response) => problem(response, status, code, 'It is so.'));
    const result = await runVitrine(['show', 'image/cirros'], { url: server.url });
    expect(result).toMatchObject({ code: expected, out: '', err: expect.stringContaining('vitrine: It is so. [') });
  });
});

describe('an error', () => {
  it('tells every fault, each once', async () => {
    const { code, err } = await runVitrine(['config', '--port', 'x', '--log-level', 'loud']);
    expect(code).toBe(2);
    expect(err.match(/--port must be a whole number/g)).toHaveLength(1);
    expect(err.match(/--log-level must be one of/g)).toHaveLength(1);
    expect((await runVitrine(['config', '--port', 'x'])).err.match(/--port/g)).toHaveLength(1);
  });

  it('is JSON where JSON was asked for', async () => {
    await using server = await startFakeVitrine();
    const { code, err } = await runVitrine(['show', 'image/none', '--json'], { url: server.url });
    expect(code).toBe(6);
    expect(JSON.parse(err)).toEqual({
      error: {
        code: 'ARTIFACT_NOT_FOUND',
        message: 'There is no such artifact.',
        remedy: expect.any(String),
        faults: [],
        details: {},
        exitCode: 6,
      },
    });
  });

  it('keeps line breaks and terminal escapes of a server out of its line', async () => {
    await using server = await startFakeVitrine();
    server.override.set('Resolve', (response) => problem(response, 403, 'FORBIDDEN', 'no\n\u001b[2Jroot#'));
    expect((await runVitrine(['show', 'x/y'], { url: server.url })).err).toMatch(/^vitrine: no \[2Jroot# \[FORBIDDEN\]\n/);
  });

  it.each([
    [200, '<html>'],
    [200, '{}'],
    [404, '<html>'],
    [404, '{"code":"PATH_NOT_FOUND"}'],
    [405, '<html>'],
  ])('says that an address is no Vitrine: %i %s', async (status, body) => {
    await using server = await startFakeVitrine();
    server.override.set('Resolve', (response) => response.writeHead(status).end(body));
    const { code, err } = await runVitrine(['show', 'x/y'], { url: server.url });
    expect([code, err]).toEqual([9, expect.stringContaining('Is this address a Vitrine?')]);
  });

  it('says where a redirect leads, and does not follow it', async () => {
    await using server = await startFakeVitrine();
    const location = `${server.url}/elsewhere`;
    server.override.set('Resolve', (response) => response.writeHead(301, { location }).end('moved'));
    const { code, err } = await runVitrine(['show', 'x/y'], { url: server.url });
    expect([code, err]).toEqual([9, expect.stringMatching(/redirects to .*\/elsewhere \[SERVER_UNREACHABLE\]\n .*VITRINE_URL/)]);
    expect(server.log.filter((line) => line.includes('elsewhere'))).toEqual([]);
  });
});

describe('a list that is not the whole', () => {
  it.each([
    ['list', /larger --limit/],
    ['list --limit 10000', /narrow the list/],
    ['dependents a', /GraphQL/],
  ])('says how to see more, by what there is: %s', async (command, advice) => {
    await using server = await startFakeVitrine();
    const send = (line: string, data: unknown) => server.override.set(line, (response) => response.end(JSON.stringify({ data })));
    const artifacts = { edges: [], pageInfo: { hasNextPage: true } };
    send('Resolve', { resolve: { warnings: [], artifact: { id: 'a' } } });
    send('Dependents', { artifact: { dependents: artifacts } });
    send('List', { artifacts });
    const { code, err } = await runVitrine(command.split(' '), { url: server.url });
    expect([code, err]).toEqual([0, expect.stringMatching(advice)]);
    expect(err.includes('--limit')).toBe(command === 'list');
  });
});
