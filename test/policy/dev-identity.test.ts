import { describe, expect, it } from 'vitest';
import { identifyDev, isLoopbackAddress } from '#policy/policy.ts';

const local = { peerAddress: '127.0.0.1', headers: { host: 'localhost:9292' } };

describe('the dev identity', () => {
  it.each(['localhost', 'LOCALHOST:9292', '127.0.0.1:9292', '127.8.9.1', '[::1]', '[::1]:9292'])(
    'is who asks %s from this machine',
    (host) => {
      expect(identifyDev({ ...local, headers: { host } })).toMatchObject({ id: 'dev', project: 'default', isAdmin: true });
    },
  );

  it.each([
    undefined,
    '',
    'example.org',
    'localhost.example.org',
    '127.0.0.1.example.org',
    '10.0.0.1:9292',
    'localhost:9292:1',
    '[::2]',
    'localhost@example.org',
    'localhost, example.org',
    '0.0.0.0',
  ])('is nobody under Host %s', (host) => {
    expect(identifyDev({ ...local, headers: { host } })).toBeUndefined();
  });

  it.each(['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-anything', 'x-real-ip'])(
    'is nobody where %s says that the request was passed on',
    (name) => {
      expect(identifyDev({ ...local, headers: { host: 'localhost', [name]: '127.0.0.1' } })).toBeUndefined();
    },
  );

  it.each([undefined, 'http://localhost:8080', 'https://127.0.0.1', 'http://[::1]:3000'])(
    'is who asks from a page of this machine, as from %s',
    (origin) => {
      expect(identifyDev({ ...local, headers: { ...local.headers, origin } })).toMatchObject({ id: 'dev' });
    },
  );

  it.each(['https://example.org', 'null', '', 'http://localhost.example.org', 'localhost', 'http://localhost@example.org'])(
    'is nobody where a page of another place asks: %s',
    (origin) => {
      expect(identifyDev({ ...local, headers: { ...local.headers, origin } })).toBeUndefined();
    },
  );

  it.each([undefined, '', '10.0.0.1', '::ffff:10.0.0.1', '::2', 'localhost', '128.0.0.1'])('is nobody from %s', (peerAddress) => {
    expect(identifyDev({ ...local, peerAddress })).toBeUndefined();
  });

  it.each(['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1'])('takes %s for loopback', (address) => {
    expect(isLoopbackAddress(address)).toBe(true);
  });
});
