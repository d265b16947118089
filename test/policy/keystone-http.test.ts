import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '#test/support/certificate.ts';
import { answerJson, type FakeKeystone, startFakeKeystone } from '#test/support/fake-keystone.ts';
import { useKeystoneStage } from '#test/support/keystone-stage.ts';
import { findExecutable, mustSkip } from '#test/support/suites.ts';

const stage = useKeystoneStage();
const { identify, open, refusal } = stage;

describe('Keystone does not answer when it', () => {
  it.each<[string, FakeKeystone['instead']]>([
    ['hangs', () => undefined],
    ['ends the connection', (request) => void request.socket.destroy()],
    ['answers 500', (_request, response) => answerJson(response, 500, {})],
    ['answers 429', (_request, response) => answerJson(response, 429, {})],
    ['answers 300', (_request, response) => answerJson(response, 300, { versions: {} })],
    ['answers with HTML', (_request, response) => void response.end('<html>')],
    ['answers with nothing', (_request, response) => void response.end()],
    ['answers with another object', (_request, response) => answerJson(response, 200, { token: { user: { id: 'u' } } })],
    [
      'answers with a token without a user',
      (_request, response) => answerJson(response, 200, { token: { expires_at: '2030-01-01' } }),
    ],
    ['answers with a list', (_request, response) => answerJson(response, 200, [])],
    ['stops in the middle', (_request, response) => void response.writeHead(200, { 'Content-Length': 100 }).write('{"token"')],
    [
      'answers with more than anybody would read',
      (_request, response) => {
        const token = { user: { id: 'u' }, project: { id: 'p' }, expires_at: '2100-01-01T00:00:00Z' };
        answerJson(response, 200, { token, padding: 'x'.repeat(1_100_000) });
      },
    ],
    [
      'does not end',
      (_request, response) => {
        response.writeHead(200);
        for (let index = 0; index < 20; index += 1) response.write(' '.repeat(100_000));
      },
    ],
  ])('it %s', async (_how, instead) => {
    const by = open({ timeoutMs: 1_000 });
    stage.fake.tokens.set('known', {});
    await identify('known', { by });
    stage.fake.instead = instead;
    expect(await refusal('t', { by })).toBe('IDENTITY_UNAVAILABLE');
  });
});

describe('a kept connection', () => {
  it('a connection that it closed meanwhile is no outage', async () => {
    stage.fake.tokens.set('t', {});
    let count = 0;
    await identify('t');
    stage.fake.instead = (request, response) => {
      count += 1;
      if (count === 1) request.socket.destroy();
      else answerJson(response, 404, {});
    };
    expect(await refusal('u')).toBe('nobody');
    expect(count).toBe(2);
  });
});

const openssl = findExecutable('openssl');

describe.skipIf(mustSkip('keystone', openssl === undefined ? ['openssl'] : []))('a Keystone behind TLS', () => {
  it('is believed by the authorities that everybody has, and those of a file', async () => {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-ca-'));
    stack.defer(() => rm(folder, { recursive: true }));
    makeCertificate(openssl ?? '', folder);
    const [key, cert] = [await readFile(join(folder, 'key.pem')), await readFile(join(folder, 'certificate.pem'))];
    const secure = stack.use(await startFakeKeystone(stage.now, { key, cert }));
    secure.tokens.set('t', {});
    expect(await refusal('t', { by: open({ url: secure.url }) })).toBe('IDENTITY_UNAVAILABLE');
    expect(secure.asked).toEqual([]);
    expect(await refusal('t', { by: open({ url: secure.url, caFile: join(folder, 'certificate.pem') }) })).toBe('somebody');
  });

  it('whose file of authorities cannot be read stops the start', async () => {
    expect(() => open({ url: 'https://127.0.0.1:1', caFile: '/nowhere/ca.pem' })).toThrow(/caFile cannot be read/);
  });
});
