import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '#base/app-error.ts';
import { type ConfigInput, describeConfig, loadConfig, renderSettings, settings } from '#config/config.ts';

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'vitrine-config-'));
});

afterEach(() => rm(cwd, { recursive: true, force: true }));

const load = (input: Partial<ConfigInput> = {}) => loadConfig({ env: {}, cwd, ...input });

/** The messages of the faults, in order. */
function faultsOf(input: Partial<ConfigInput>): string[] {
  try {
    load(input);
  } catch (error) {
    if (error instanceof AppError && error.code === 'CONFIG_INVALID') return error.faults.map(({ message }) => message);
    throw error;
  }
  return [];
}

const s3 = { name: 'big', kind: 's3', endpoint: 'http://127.0.0.1:9000', bucket: 'b', accessKey: 'a', secretKey: 'very-secret' };

describe('without a word from anybody', () => {
  it('the server listens on loopback, with everything under one folder', () => {
    const { config, sources } = load();
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 9292,
      dataDir: join(cwd, 'vitrine-data'),
      stores: [{ name: 'default', kind: 'filesystem', path: join(cwd, 'vitrine-data/blobs') }],
      defaultStore: 'default',
      managementLog: join(cwd, 'vitrine-data/management.log'),
      auth: { dev: true, strategies: ['token', 'dev'], keystone: undefined },
      database: { poolSize: 8, autoMigrate: true },
      graphql: { graphiql: true, introspection: true },
      trustedProjects: [],
    });
    expect(new Set(sources.values())).toEqual(new Set(['default']));
    expect([...sources.keys()]).toEqual(settings.map(({ path }) => path));
  });

  it('is frozen throughout', () => {
    const { config } = load();
    for (const value of [config, config.database, config.stores, config.stores[0], config.limits])
      expect(Object.isFrozen(value)).toBe(true);
  });
});

describe('sources', () => {
  it('win over each other: flags, environment, file, defaults', async () => {
    await writeFile(join(cwd, 'c.yaml'), 'host: ::1\nport: 1\ndatabase: {poolSize: 1}\nlog: {level: warn}\n');
    const env = { VITRINE_CONFIG: 'c.yaml', VITRINE_PORT: '2', VITRINE_DATABASE_POOL_SIZE: '2' };
    const { config, sources } = load({ env, flags: { port: '3', 'log.format': undefined } });
    expect([config.host, config.port, config.database.poolSize, config.log.level]).toEqual(['::1', 3, 2, 'warn']);
    expect(['host', 'port', 'database.poolSize', 'log.format'].map((path) => sources.get(path))).toEqual([
      join(cwd, 'c.yaml'),
      '--port',
      'VITRINE_DATABASE_POOL_SIZE',
      'default',
    ]);
  });

  it('of a file: the one that is named, before the variable’s, before the data folder’s', async () => {
    await writeFile(join(cwd, 'vitrine.yaml'), 'port: 1');
    await writeFile(join(cwd, 'b.json'), '{"port": 2}');
    await writeFile(join(cwd, 'c.yaml'), 'port: 3');
    const flags = { dataDir: '.' };
    expect(load({ flags }).config.port).toBe(1);
    expect(load({ flags, env: { VITRINE_CONFIG: 'b.json' } }).config.port).toBe(2);
    expect(load({ flags, env: { VITRINE_CONFIG: 'b.json' }, file: 'c.yaml' }).config.port).toBe(3);
  });

  it('honour DATABASE_URL, after VITRINE_DATABASE_URL', () => {
    expect(load({ env: { DATABASE_URL: 'postgres://a/b' } }).config.database.url).toBe('postgres://a/b');
    const both = load({ env: { DATABASE_URL: 'postgres://a/b', VITRINE_DATABASE_URL: 'postgresql://c/d' } });
    expect(both.config.database.url).toBe('postgresql://c/d');
    expect(both.sources.get('database.url')).toBe('VITRINE_DATABASE_URL');
  });

  it('read any setting from a file that a variable names, less its last line end', async () => {
    await writeFile(join(cwd, 'key'), `${'k'.repeat(32)}\n`);
    await writeFile(join(cwd, 'url'), 'postgres://a/b\r\n');
    const { config, sources } = load({ env: { VITRINE_INSTANCE_KEY_FILE: join(cwd, 'key'), DATABASE_URL_FILE: 'url' } });
    expect(config.instanceKey).toBe('k'.repeat(32));
    expect(config.database.url).toBe('postgres://a/b');
    expect(sources.get('instanceKey')).toBe('VITRINE_INSTANCE_KEY_FILE');
  });

  it('take lists as words between commas, and stores as JSON', () => {
    const env = { VITRINE_TRUSTED_PROJECTS: 'base, golden', VITRINE_STORES: JSON.stringify([s3]), VITRINE_DEFAULT_STORE: 'big' };
    const { config } = load({ env });
    expect(config.trustedProjects).toEqual(['base', 'golden']);
    expect(config.stores).toEqual([s3]);
    expect(load({ env: { VITRINE_TRUSTED_PROJECTS: '["a,b"]' } }).config.trustedProjects).toEqual(['a,b']);
  });

  it('say any default again, by its variable and by its flag', () => {
    const written = settings.filter(({ fallback }) => fallback !== undefined);
    expect(new Set(written.map(({ schema }) => schema['type']))).toEqual(
      new Set(['string', 'integer', 'number', 'boolean', 'array']),
    );
    for (const { path, variables, flag, fallback } of written) {
      const text = typeof fallback === 'string' ? fallback : JSON.stringify(fallback);
      const said = load({ env: { [variables[0] ?? '']: text }, flags: flag === null ? {} : { [path]: text } });
      expect([path, said.config]).toEqual([path, load().config]);
    }
    expect(load({ env: { VITRINE_TRACING_SAMPLE_RATIO: '0.25' } }).config.tracing.sampleRatio).toBe(0.25);
    for (const bad of ['half', '', ' ', '1e-1', '.5', '0x1', 'NaN', '2']) {
      expect([bad, faultsOf({ flags: { 'tracing.sampleRatio': bad } }).length]).toEqual([bad, 1]);
    }
  });

  it.each([
    'limits.requestTimeoutMs',
    'limits.transferIdleMs',
    'limits.drainNoticeMs',
    'limits.drainMs',
    'jobs.drainMs',
    'database.statementTimeoutMs',
    'auth.keystone.timeoutMs',
  ])('say no time longer than a timer runs, which would be none at all: %s', (path) => {
    expect(faultsOf({ flags: { [path]: '2147483647' } })).toEqual([]);
    expect(faultsOf({ flags: { [path]: '2147483648' } })).toHaveLength(1);
  });

  it('say what a deployment tells of images', () => {
    const properties = [{ name: 'hw_disk_bus', description: 'The bus.', enum: ['virtio', 'scsi'], required: true }];
    const env = { VITRINE_IMAGE_PROPERTIES: JSON.stringify(properties), VITRINE_IMAGE_DISK_FORMATS: 'qcow2,raw' };
    const { image } = load({ env }).config;
    expect(image).toMatchObject({ properties, diskFormats: ['qcow2', 'raw'], propertyQuota: 128, formatMatch: 'enforce' });
    expect(image.containerFormats).toContain('bare');
  });

  it('make paths absolute: of a file beside that file, of others in the working folder', async () => {
    await writeFile(
      join(cwd, 'c.json'),
      JSON.stringify({ dataDir: 'd', stores: [{ name: 's', kind: 'filesystem', path: 'p' }] }),
    );
    const { config } = loadConfig({ env: {}, cwd: '/elsewhere', file: join(cwd, 'c.json'), flags: { 'types.folders': 't,/u' } });
    expect(config.dataDir).toBe(join(cwd, 'd'));
    expect(config.stores[0]).toMatchObject({ path: join(cwd, 'p') });
    expect(config.types.folders).toEqual(['/elsewhere/t', '/u']);
  });

  it('pass over empty variables, and those of the client', () => {
    const env = { VITRINE_PORT: '', VITRINE_URL: 'http://x', VITRINE_TOKEN: 'vtr_x', VITRINE_TEST_MINIO: '/x', HOME: '/' };
    expect(load({ env }).config.port).toBe(9292);
  });
});

describe('what is wrong', () => {
  it('is told all at once, each with its source', async () => {
    await writeFile(join(cwd, 'c.yaml'), 'prot: 1\ndatabase: {poolsize: 2, url: mysql://x}\nlimits: 3\nlog: {level: loud}\n');
    const env = { VITRINE_PORT: 'many', VITRINE_DATABASE_POOL_SIZ: '1', VITRINE_AUTH_DEV: 'perhaps', VITRINE_STORES: '{' };
    const file = join(cwd, 'c.yaml');
    expect(faultsOf({ env, file, flags: { 'limits.pageSize': '0' } })).toEqual([
      'VITRINE_PORT must be a whole number',
      'VITRINE_STORES must be a list, as JSON',
      'VITRINE_AUTH_DEV must be true or false',
      'VITRINE_DATABASE_POOL_SIZ is no setting (did you mean VITRINE_DATABASE_POOL_SIZE?)',
      `${file}: prot is no setting (did you mean port?)`,
      `${file}: database.poolsize is no setting (did you mean poolSize?)`,
      `${file}: limits must be an object`,
      `${file}: database.url must match pattern "^postgres(ql)?://"`,
      `${file}: log.level must be one of trace, debug, info, warn, error, fatal, silent`,
      '--limits-page-size must be >= 1',
    ]);
  });

  it.each([
    ['port: many', 'port must be integer'],
    ['stores: [{name: a, kind: filesystem}]', "stores.0 must have required property 'path'"],
    ['cors: {origins: [here]}', 'cors.origins.0 must match pattern'],
  ])('names the setting of a file: %s', async (text, problem) => {
    const file = join(cwd, 'c.yaml');
    await writeFile(file, text);
    expect(() => load({ file })).toThrow(`${file}: ${problem}`);
  });

  it('points into the configuration', () => {
    expect(() => load({ env: { VITRINE_DATABASE_POOL_SIZE: '0' } })).toThrow(
      expect.objectContaining({
        faults: [{ pointer: '/database/poolSize', message: 'VITRINE_DATABASE_POOL_SIZE must be >= 1' }],
        message: expect.stringContaining('VITRINE_DATABASE_POOL_SIZE must be >= 1'),
      }),
    );
  });

  it.each<[string, Partial<ConfigInput>, string]>([
    ['a file that is not there', { file: 'none.yaml' }, 'no such file'],
    ['a variable and its file at once', { env: { VITRINE_PORT: '1', VITRINE_PORT_FILE: '/x' } }, 'are both set'],
    ['a variable’s file that is not there', { env: { VITRINE_PORT_FILE: '/none' } }, 'VITRINE_PORT_FILE: ENOENT'],
    ['an unknown flag', { flags: { nothing: '1' } }, 'there is no setting nothing'],
    ['a short instance key', { env: { VITRINE_INSTANCE_KEY: 'short' } }, 'must NOT have fewer than 32 characters'],
    ['dev beyond loopback', { env: { VITRINE_HOST: '0.0.0.0', VITRINE_AUTH_DEV: 'true' } }, 'auth.dev needs a loopback host'],
    ['a direct URL alone', { env: { VITRINE_DATABASE_DIRECT_URL: 'postgres://x/y' } }, 'needs database.url'],
    ['a pool beyond the embedded database', { env: { VITRINE_DATABASE_POOL_SIZE: '81' } }, 'takes at most 80'],
    ['a default store that is none', { env: { VITRINE_DEFAULT_STORE: 'x' } }, 'defaultStore x is none of default'],
    ['one store twice', { env: { VITRINE_STORES: JSON.stringify([s3, s3]) } }, 'stores has big twice'],
    ['a store of no kind', { env: { VITRINE_STORES: '[{"name":"a","kind":"tape"}]' } }, 'kind must be filesystem or s3'],
    ['a store without its bucket', { env: { VITRINE_STORES: JSON.stringify([{ ...s3, bucket: undefined }]) } }, `'bucket'`],
    [
      'a store with a stranger’s setting',
      { env: { VITRINE_STORES: JSON.stringify([{ ...s3, buckt: 'x' }]) } },
      'did you mean bucket?',
    ],
    [
      'a property of images twice',
      { env: { VITRINE_IMAGE_PROPERTIES: '[{"name":"a"},{"name":"a"}]' } },
      'image.properties has a twice',
    ],
    [
      'a pattern that is none',
      { env: { VITRINE_IMAGE_PROPERTIES: '[{"name":"a","pattern":"("}]' } },
      'the pattern of a is no regular expression',
    ],
    [
      'a property in the place of a base field',
      { env: { VITRINE_IMAGE_PROPERTIES: '[{"name":"status"}]' } },
      '0.name must NOT be valid',
    ],
    ['a property that the API keeps for itself', { env: { VITRINE_IMAGE_PROPERTIES: '[{"name":"os_vitrine_x"}]' } }, 'pattern'],
    ['a disk format that no image has', { env: { VITRINE_IMAGE_DISK_FORMATS: 'raw,tar' } }, 'must be one of'],
    ['an endpoint that cannot stand in a header', { env: { VITRINE_IMAGE_PUBLIC_ENDPOINT: 'https://a/\u20ac' } }, 'pattern'],
    ['an endpoint with a query', { env: { VITRINE_IMAGE_PUBLIC_ENDPOINT: 'https://a/?b' } }, 'pattern'],
  ])('%s is refused', (_what, input, message) => {
    expect(faultsOf(input)).toEqual([expect.stringContaining(message)]);
  });

  it.each([
    ['not YAML', 'a: [', 'c.yaml'],
    ['a list', '- 1', 'must hold an object'],
    ['one key twice', 'port: 1\nport: 2', 'must be unique'],
    ['a bomb', `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]`, 'alias'],
    ['an inherited name', '__proto__: {port: 1}\nconstructor: {port: 1}', 'is no setting'],
  ])('a file that is %s is refused', async (_what, text, message) => {
    await writeFile(join(cwd, 'c.yaml'), text);
    expect(faultsOf({ file: 'c.yaml' })[0]).toContain(message);
  });

  it('a data folder’s own file cannot move the data folder', async () => {
    await writeFile(join(cwd, 'vitrine.yaml'), 'dataDir: elsewhere');
    expect(faultsOf({ flags: { dataDir: '.' } })).toEqual([expect.stringContaining('cannot set dataDir')]);
  });
});

describe('the host', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['0:0:0:0:0:0:0:1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
    ['example.org', false],
    ['127.0.0.1.example.org', false],
  ])('%s makes dev the default: %s', (host, dev) => {
    const { config } = load({ flags: { host } });
    expect([config.auth.dev, config.graphql.graphiql]).toEqual([dev, dev]);
  });
});

describe('shown', () => {
  it('every setting has a row, and no secret is in any', () => {
    const env = {
      VITRINE_INSTANCE_KEY: 'this-is-the-secret-instance-key-1234',
      DATABASE_URL: 'postgres://me:hunter2@db/vitrine?password=hunter3',
      VITRINE_STORES: JSON.stringify([s3]),
    };
    const rows = describeConfig(load({ env }));
    expect(rows.map(({ setting }) => setting)).toEqual(settings.map(({ path }) => path));
    const text = JSON.stringify(rows);
    for (const secret of ['this-is-the', 'hunter2', 'hunter3', 'very-secret']) expect(text).not.toContain(secret);
    expect(rows.find(({ setting }) => setting === 'database.url')).toEqual({
      setting: 'database.url',
      value: 'postgres://me:********@db/vitrine?password=********',
      source: 'DATABASE_URL',
    });
    expect(rows.find(({ setting }) => setting === 'stores')?.value).toContain('"accessKey":"a"');
    expect(rows.find(({ setting }) => setting === 'port')).toEqual({ setting: 'port', value: '9292', source: 'default' });
  });

  it('as a table, every setting has its variable, and secrets have no flag', () => {
    const table = renderSettings();
    for (const { path, variables } of settings) {
      expect(table).toContain(`| \`${path}\` | \`${variables[0]}\``);
    }
    expect(settings.filter(({ isSecret, isUrl }) => isSecret || isUrl).every(({ flag }) => flag === null)).toBe(true);
    expect(new Set(settings.flatMap(({ variables }) => variables)).size).toBe(settings.length + 1);
    expect(settings.find(({ path }) => path === 'database.poolSize')).toMatchObject({
      variables: ['VITRINE_DATABASE_POOL_SIZE'],
      flag: '--database-pool-size',
    });
  });
});

describe('authentication', () => {
  const keystone = {
    VITRINE_AUTH_KEYSTONE_URL: 'http://controller:5000/v3',
    VITRINE_AUTH_KEYSTONE_USERNAME: 'vitrine',
    VITRINE_AUTH_KEYSTONE_PASSWORD: 'p',
    VITRINE_AUTH_KEYSTONE_PROJECT: 'service',
  };
  const authOf = (env: Record<string, string>, flags = {}) => load({ env, flags }).config.auth;

  it('asks Keystone as the user that is named, in the domains that are usual', () => {
    expect(authOf(keystone).keystone).toMatchObject({
      url: 'http://controller:5000/v3',
      publicUrl: 'http://controller:5000/v3',
      credentials: {
        kind: 'password',
        user: { name: 'vitrine', domain: 'Default' },
        password: 'p',
        project: { name: 'service', domain: 'Default' },
      },
      cacheMs: 60_000,
      roleNames: { reader: ['reader'], member: ['member'], admin: ['admin'], service: ['service'] },
    });
  });

  it('asks by ids, or with an application credential, where those are given', () => {
    const env = { ...keystone, VITRINE_AUTH_KEYSTONE_USER_ID: 'u', VITRINE_AUTH_KEYSTONE_PROJECT_ID: 'q' };
    expect(authOf(env).keystone?.credentials).toMatchObject({ user: { id: 'u' }, project: { id: 'q' } });
    const credential = {
      VITRINE_AUTH_KEYSTONE_URL: 'http://controller:5000',
      VITRINE_AUTH_KEYSTONE_APPLICATION_CREDENTIAL_ID: 'c',
      VITRINE_AUTH_KEYSTONE_APPLICATION_CREDENTIAL_SECRET: 's',
    };
    expect(authOf(credential).keystone?.credentials).toEqual({ kind: 'application-credential', id: 'c', secret: 's' });
  });

  it('reads Keystone’s settings from a file, at any depth', async () => {
    const settled =
      'auth: {keystone: {url: "http://k", username: v, password: p, project: s, adminRoles: [root], caFile: ca.pem}}';
    await writeFile(join(cwd, 'c.yaml'), settled);
    const { config } = load({ file: 'c.yaml' });
    expect(config.auth.keystone?.roleNames.admin).toEqual(['root']);
    expect(config.auth.keystone?.caFile).toBe(join(cwd, 'ca.pem'));
  });

  it('says all that Keystone lacks', () => {
    expect(faultsOf({ env: { VITRINE_AUTH_KEYSTONE_URL: 'http://k' } })).toEqual([
      'auth.keystone needs username',
      'auth.keystone needs password',
      'auth.keystone needs project',
    ]);
    expect(
      faultsOf({ env: { VITRINE_AUTH_STRATEGIES: 'keystone', VITRINE_AUTH_KEYSTONE_APPLICATION_CREDENTIAL_ID: 'c' } }),
    ).toEqual(['auth.keystone needs url', 'auth.keystone needs applicationCredentialSecret']);
    expect(faultsOf({ env: { ...keystone, VITRINE_AUTH_KEYSTONE_URL: 'controller:5000' } })).toHaveLength(1);
  });

  it('leaves `dev` out beside Keystone, unless it is asked for', () => {
    expect(authOf(keystone)).toMatchObject({ dev: false, strategies: ['token', 'keystone'] });
    expect(authOf({ ...keystone, VITRINE_AUTH_DEV: 'true' })).toMatchObject({
      dev: true,
      strategies: ['token', 'keystone', 'dev'],
    });
    expect(load({ env: keystone }).config.graphql.graphiql).toBe(false);
  });

  it('has the strategies that are listed and no others', () => {
    expect(authOf({ ...keystone, VITRINE_AUTH_STRATEGIES: 'keystone' })).toMatchObject({ dev: false, strategies: ['keystone'] });
    expect(authOf({ ...keystone, VITRINE_AUTH_STRATEGIES: 'token' })).toMatchObject({ keystone: undefined });
    expect(authOf({ VITRINE_AUTH_STRATEGIES: 'dev,token' })).toMatchObject({ dev: true, strategies: ['dev', 'token'] });
    expect(faultsOf({ env: { VITRINE_AUTH_STRATEGIES: 'oidc' } })).toHaveLength(1);
    expect(faultsOf({ env: { VITRINE_AUTH_STRATEGIES: 'token', VITRINE_AUTH_DEV: 'true' } })).toEqual([
      'auth.dev and auth.strategies do not say the same',
    ]);
    expect(faultsOf({ env: { VITRINE_AUTH_STRATEGIES: 'dev', VITRINE_HOST: '0.0.0.0' } })).toHaveLength(1);
  });

  it('shows no secret of Keystone’s', () => {
    const secret = 'the-service-password';
    const loaded = load({ env: { ...keystone, VITRINE_AUTH_KEYSTONE_PASSWORD: secret } });
    expect(JSON.stringify(describeConfig(loaded))).not.toContain(secret);
  });

  it('is shown as it was said, also what the server has in another form', () => {
    const shown = new Map(describeConfig(load({ env: keystone })).map(({ setting, value }) => [setting, value]));
    expect(shown.get('auth.keystone.username')).toBe('vitrine');
    expect(shown.get('auth.keystone.userDomain')).toBe('Default');
    expect(shown.get('auth.keystone.password')).toBe('********');
    expect(shown.get('auth.keystone.memberRoles')).toBe('["member"]');
    expect(shown.get('auth.keystone.userId')).toBe('');
    expect(shown.get('auth.keystone.publicUrl')).toBe('http://controller:5000/v3');
  });

  it.each(['https://k\u00fcche.example', 'https://k/\u20ac', 'https://k/"', 'https://k/\\', 'https://k/\u0001', 'https://a@k'])(
    'names no address that cannot stand in a header: %j',
    (address) => {
      expect(faultsOf({ env: { ...keystone, VITRINE_AUTH_KEYSTONE_PUBLIC_URL: address } })).toHaveLength(1);
      expect(authOf({ ...keystone, VITRINE_AUTH_KEYSTONE_PUBLIC_URL: 'http://[::1]:5000/v3' }).keystone?.publicUrl).toContain(
        '::1',
      );
    },
  );
});
