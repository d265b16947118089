/** What tests make in a real Keystone: projects, users, roles, tokens, application credentials, endpoints. */
import { randomBytes } from 'node:crypto';
import type { KeystoneServer } from './keystone.ts';

export interface KeystoneUser {
  readonly id: string;
  readonly name: string;
  readonly password: string;
  readonly projectId: string;
  readonly projectName: string;
}

/** What a token is for: a project's id by default; `null` for none. */
type TokenScope = { readonly project: string } | { readonly domain: string } | { readonly system: 'all' } | null;

interface ApplicationCredential {
  readonly id: string;
  readonly secret: string;
}

export interface KeystoneCloud {
  /** The admin's token. */
  readonly adminToken: string;
  readonly admin: KeystoneUser;
  createProject(name: string): Promise<string>;
  /** A user of the project, with roles on it; the project is made when it is not there. */
  createUser(name: string, projectName: string, ...roles: readonly string[]): Promise<KeystoneUser>;
  grantDomainRole(userId: string, role: string): Promise<void>;
  grantSystemRole(userId: string, role: string): Promise<void>;
  disableUser(userId: string): Promise<void>;
  /** A token by password, by default for the user's own project. */
  tokenOf(user: KeystoneUser, scope?: TokenScope): Promise<string>;
  revoke(token: string): Promise<void>;
  createApplicationCredential(user: KeystoneUser, extra?: Readonly<Record<string, unknown>>): Promise<ApplicationCredential>;
  tokenOfCredential(credential: ApplicationCredential): Promise<string>;
  /** Registers a service of type `image` under the address, for every interface. */
  registerImageEndpoint(url: string): Promise<void>;
  /** What its command line clients read. */
  environmentOf(user: KeystoneUser): Record<string, string>;
  /** Any further request, as the admin. @returns the body, or null */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
}

/** Logs in as the admin of the bootstrap. */
export async function openKeystoneCloud(server: KeystoneServer): Promise<KeystoneCloud> {
  const { url } = server;
  const tokenBy = async (identity: unknown, scope: unknown): Promise<string> => {
    const auth = { identity, ...(scope === undefined ? {} : { scope }) };
    const { headers } = await exchange(`${url}/auth/tokens`, 'POST', undefined, { auth });
    return headers.get('x-subject-token') ?? '';
  };
  const byPassword = (user: object, password: string) => ({ methods: ['password'], password: { user: { ...user, password } } });
  const inDefault = (name: string) => ({ name, domain: { name: 'Default' } });
  const adminScope = { project: inDefault('admin') };
  const adminToken = await tokenBy(byPassword(inDefault('admin'), server.adminPassword), adminScope);
  const call = async (method: string, path: string, body?: unknown) =>
    (await exchange(`${url}${path}`, method, adminToken, body)).body;
  const made = async (method: string, path: string, kind: string, fields: unknown): Promise<Made> =>
    ((await call(method, path, { [kind]: fields })) as Record<string, Made>)[kind] as Made;
  const findId = async (path: string, kind: string): Promise<string | undefined> =>
    ((await call('GET', path)) as Record<string, Made[]>)[kind]?.[0]?.id;
  const roleId = async (name: string): Promise<string> =>
    (await findId(`/roles?name=${name}`, 'roles')) ?? (await made('POST', '/roles', 'role', { name })).id;
  const createProject = async (name: string): Promise<string> =>
    (await findId(`/projects?name=${name}`, 'projects')) ?? (await made('POST', '/projects', 'project', { name })).id;
  const self = (await exchange(`${url}/auth/tokens`, 'GET', adminToken, undefined, { 'X-Subject-Token': adminToken })).body as {
    readonly token: { readonly user: Made; readonly project: Made };
  };
  const { user: adminUser, project: adminProject } = self.token;
  const admin = { name: 'admin', password: server.adminPassword, projectName: 'admin' };
  return {
    adminToken,
    admin: { ...admin, id: adminUser.id, projectId: adminProject.id },
    createProject,
    async createUser(name, projectName, ...roles) {
      const projectId = await createProject(projectName);
      const password = randomBytes(12).toString('hex');
      const { id } = await made('POST', '/users', 'user', { name, password, default_project_id: projectId });
      for (const role of roles) await call('PUT', `/projects/${projectId}/users/${id}/roles/${await roleId(role)}`);
      return { id, name, password, projectId, projectName };
    },
    grantDomainRole: async (id, role) => void (await call('PUT', `/domains/default/users/${id}/roles/${await roleId(role)}`)),
    grantSystemRole: async (id, role) => void (await call('PUT', `/system/users/${id}/roles/${await roleId(role)}`)),
    disableUser: async (id) => void (await made('PATCH', `/users/${id}`, 'user', { enabled: false })),
    tokenOf: (user, scope = { project: user.projectId }) => tokenBy(byPassword({ id: user.id }, user.password), toScope(scope)),
    revoke: async (token) => {
      await exchange(`${url}/auth/tokens`, 'DELETE', adminToken, undefined, { 'X-Subject-Token': token });
    },
    async createApplicationCredential(user, extra = {}) {
      const token = await tokenBy(byPassword({ id: user.id }, user.password), toScope({ project: user.projectId }));
      const fields = { name: randomBytes(6).toString('hex'), ...extra };
      const path = `${url}/users/${user.id}/application_credentials`;
      const { body } = await exchange(path, 'POST', token, { application_credential: fields });
      return (body as { readonly application_credential: ApplicationCredential }).application_credential;
    },
    tokenOfCredential: ({ id, secret }) =>
      tokenBy({ methods: ['application_credential'], application_credential: { id, secret } }, undefined),
    async registerImageEndpoint(address) {
      const service = await made('POST', '/services', 'service', { type: 'image', name: 'vitrine' });
      for (const kind of ['public', 'internal', 'admin']) {
        const fields = { service_id: service.id, interface: kind, url: address, region_id: server.region };
        await made('POST', '/endpoints', 'endpoint', fields);
      }
    },
    environmentOf: (user) => ({
      OS_AUTH_URL: url,
      OS_IDENTITY_API_VERSION: '3',
      OS_REGION_NAME: server.region,
      OS_USERNAME: user.name,
      OS_PASSWORD: user.password,
      OS_PROJECT_NAME: user.projectName,
      OS_USER_DOMAIN_NAME: 'Default',
      OS_PROJECT_DOMAIN_NAME: 'Default',
    }),
    call,
  };
}

interface Made {
  readonly id: string;
}

/** What the API calls `scope`; `unscoped` keeps a user's default project out of it. */
function toScope(scope: TokenScope): unknown {
  if (scope === null) return 'unscoped';
  if ('project' in scope) return { project: { id: scope.project } };
  if ('domain' in scope) return { domain: { id: scope.domain } };
  return { system: { all: true } };
}

/** @throws Error for any answer but a good one: a test's own arrangements must not fail unseen */
async function exchange(
  url: string,
  method: string,
  token: string | undefined,
  body?: unknown,
  extra: Readonly<Record<string, string>> = {},
): Promise<{ readonly headers: Headers; readonly body: unknown }> {
  const response = await fetch(url, {
    method,
    headers: { 'Content-Type': 'application/json', ...(token === undefined ? {} : { 'X-Auth-Token': token }), ...extra },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url} was answered ${response.status}: ${text}`);
  return { headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}
