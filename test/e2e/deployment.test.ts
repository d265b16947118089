import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig, settings } from '#config/config.ts';
import { findExecutable, mustSkip } from '#test/support/suites.ts';
import { root } from '../house/modules.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const unit = read('deploy/vitrine.service');
const nginx = read('deploy/nginx.conf');
const haproxy = read('deploy/haproxy.cfg');

/** What a node gets of secrets, as credentials or mounted files say it. */
const secrets = {
  VITRINE_DATABASE_URL: 'postgresql://vitrine@db.example.org/vitrine',
  VITRINE_INSTANCE_KEY: '0'.repeat(64),
  VITRINE_STORES: JSON.stringify([
    { name: 'images', kind: 's3', endpoint: 'https://minio.example.org', bucket: 'vitrine', accessKey: 'a', secretKey: 's' },
  ]),
  VITRINE_AUTH_KEYSTONE_PASSWORD: 'secret',
};

const { config } = loadConfig({ env: secrets, cwd: root, file: join(root, 'deploy/vitrine.yaml') });

describe('the configuration of a node, as shipped', () => {
  it('is valid, takes nobody for `dev`, and migrates nothing by itself', () => {
    expect(config.auth).toMatchObject({ dev: false, strategies: ['token', 'keystone'] });
    expect(config.database.autoMigrate).toBe(false);
    expect(config.metrics.port).not.toBe(config.port);
    expect(config.cors.origins).toEqual(['https://dashboard.example.org']);
  });

  it('can be served beside, on loopback and to its machine’s administrator, for a first token', () => {
    const env = { ...secrets, VITRINE_AUTH_STRATEGIES: 'token,dev' };
    const flags = { host: '127.0.0.1', port: '9299', 'metrics.port': '0' };
    const beside = loadConfig({ env, flags, cwd: root, file: join(root, 'deploy/vitrine.yaml') }).config;
    expect(beside.auth).toMatchObject({ dev: true, keystone: undefined });
    expect(beside.database.url).toBe(secrets.VITRINE_DATABASE_URL);
  });

  it('holds no secret', () => {
    const { sources } = loadConfig({ env: secrets, cwd: root, file: join(root, 'deploy/vitrine.yaml') });
    const secret = settings.filter((setting) => setting.isSecret || setting.path === 'stores' || setting.path === 'database.url');
    expect(secret.length).toBeGreaterThan(3);
    for (const { path } of secret) expect(sources.get(path)).toMatch(/^(default|VITRINE_\w+)$/);
  });
});

describe('the files of deploy/', () => {
  it.each(['deploy/vitrine.service', 'deploy/vitrine.yaml', 'deploy/Containerfile', 'docs/deployment.md'])(
    '%s names no variable that is no setting',
    (path) => {
      const known = new Set(['VITRINE_CONFIG', 'VITRINE_URL', ...settings.flatMap(({ variables }) => variables)]);
      const named = [...read(path).matchAll(/\bVITRINE_[A-Z_]*[A-Z]/g)].map(([name]) => name.replace(/_FILE$/, ''));
      expect(named.length).toBeGreaterThan(1);
      expect(named.filter((name) => !known.has(name))).toEqual([]);
    },
  );

  it('let a node end by itself before it is killed', () => {
    const stopSeconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]);
    const { drainNoticeMs, drainMs } = config.limits;
    expect(stopSeconds * 1000).toBeGreaterThan(drainNoticeMs + drainMs + config.jobs.drainMs);
  });

  it('have the balancer leave a stopping node before that takes no more', () => {
    const [, inter, fall] = /inter (\d+)s fall (\d+)/.exec(haproxy) ?? [];
    expect(config.limits.drainNoticeMs).toBeGreaterThan(Number(inter) * Number(fall) * 1000 + 1000);
  });

  it('wait longer than a node does, whose word it is what happened', () => {
    const seconds = [
      ...[...haproxy.matchAll(/^ *timeout (?:client|server) +(\d+)s$/gm)].map((match) => match[1]),
      ...[...nginx.matchAll(/^ *(?:proxy_send|proxy_read|client_body|send)_timeout (\d+)s;$/gm)].map((match) => match[1]),
    ].map(Number);
    expect(seconds).toHaveLength(6);
    const { requestTimeoutMs, transferIdleMs } = config.limits;
    for (const each of seconds) expect(each * 1000).toBeGreaterThan(Math.max(requestTimeoutMs, transferIdleMs));
  });

  it('build the container from the lock file, and run it as nobody', () => {
    const file = read('deploy/Containerfile');
    expect(file).toMatch(/^RUN .*npm ci /m);
    expect(file).toMatch(/^USER 10001:10001$/m);
    expect(file).toMatch(/^ENTRYPOINT \["vitrine"\]$/m);
    expect(read('.dockerignore').split('\n')).toEqual(expect.arrayContaining(['.git', 'node_modules', 'vitrine-data']));
  });
});

const analyze = findExecutable('systemd-analyze');

describe.skipIf(mustSkip('systemd', analyze === undefined ? ['systemd-analyze'] : []))('the systemd unit', () => {
  const judge = (...args: readonly string[]): string => {
    const folder = mkdtempSync(join(tmpdir(), 'vitrine-unit-'));
    const file = join(folder, 'vitrine.service');
    // Whether the program is installed here is not what is judged.
    writeFileSync(file, unit.replace('/usr/local/bin/vitrine', '/bin/true'));
    try {
      return execFileSync(analyze ?? '', [...args, file], { encoding: 'utf8', stdio: 'pipe' });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  it('is understood by systemd, every line of it', () => {
    expect(judge('verify', '--man=no')).toBe('');
  });

  it('exposes next to nothing, in systemd’s own opinion', () => {
    expect(judge('security', '--offline=true', '--threshold=20')).toContain('OK');
  });
});
