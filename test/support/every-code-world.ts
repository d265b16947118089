/** A server with small limits, people with every role, and images in every state: what provoking each code takes. */
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { type ClientRequest, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { JsonObject } from '#base/json.ts';
import { claimInstance } from '#ops/claim-instance.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { setReadOnly } from '#ops/set-read-only.ts';
import { createCaller } from '#policy/policy.ts';
import type { SeenAnswer } from './openapi-checker.ts';
import { putText, testSettings } from './operations.ts';
import { startTestServer } from './server.ts';

/** Of project `blue`, but for `green` and the administrator, who is of `ops`. */
type Person = 'member' | 'reader' | 'green' | 'admin' | 'roleless' | 'nobody';

export interface Ask {
  /** `member` where left out. */
  readonly as?: Person;
  readonly headers?: OutgoingHttpHeaders;
  /** JSON where it is an object. */
  readonly body?: JsonObject | readonly JsonObject[] | string | Buffer;
}

export type World = Awaited<ReturnType<typeof openWorld>>;

export const octets = { 'content-type': 'application/octet-stream' };
export const formats = { disk_format: 'raw', container_format: 'bare' };

export async function openWorld() {
  const { image, ...limits } = { ...testSettings, maxTags: 3, maxClosureNodes: 2, maxBlobBytes: 1_000_000, maxBodyBytes: 65_536 };
  const settings = { ...limits, image: { ...image, propertyQuota: 2, memberQuota: 2 } };
  // What Keystone answers of somebody whose roles mean nothing here.
  const roleless = createCaller('nobody', 'blue', []);
  const identify = ({ token }: { readonly token: string }) => (token === 'roleless' ? roleless : undefined);
  const keystone = { publicUrl: 'http://keystone.example.org', identify, [Symbol.dispose]: () => undefined };
  const server = await startTestServer({ settings, http: { keystone, dev: false } });
  const key = server.services.settings.instanceKey;
  await claimInstance(server.services.db, { place: 'test', find: async () => key, findOrMake: async () => key });
  const secrets: Readonly<Record<Person, OutgoingHttpHeaders>> = {
    member: await server.tokenFor('blue', 'member'),
    reader: await server.tokenFor('blue', 'reader'),
    green: await server.tokenFor('green', 'member'),
    admin: await server.tokenFor('ops', 'admin'),
    roleless: { 'x-auth-token': 'roleless' },
    nobody: { 'x-auth-token': 'bad' },
  };

  function begin(method: string, path: string, { as = 'member', headers = {} }: Omit<Ask, 'body'>): ClientRequest {
    const { hostname, port } = new URL(server.url);
    return httpRequest({ hostname, port, method, path, headers: { ...secrets[as], ...headers } });
  }

  async function ask(method: string, path: string, { body, ...options }: Ask = {}): Promise<SeenAnswer> {
    const isJson = typeof body === 'object' && !Buffer.isBuffer(body);
    const headers = { ...(isJson ? { 'content-type': 'application/json' } : {}), ...options.headers };
    const sent = isJson ? JSON.stringify(body) : body;
    const length = sent === undefined ? {} : { 'content-length': Buffer.byteLength(sent) };
    const request = begin(method, path, { ...options, headers: { ...headers, ...length } });
    request.end(sent);
    return seen(request);
  }

  /** A queued image; `shared` unless said otherwise. */
  async function queued(fields: JsonObject = {}): Promise<string> {
    const { text, status } = await ask('POST', '/v2/images', { body: { ...formats, ...fields } });
    if (status !== 201) throw new Error(text);
    return JSON.parse(text).id;
  }

  async function active(fields: JsonObject = {}): Promise<string> {
    const id = await queued(fields);
    const { text, status } = await ask('PUT', `/v2/images/${id}/file`, { headers: octets, body: `data of ${id}` });
    if (status !== 204) throw new Error(text);
    return id;
  }

  // Of what a test itself asks; what that needs is made as at any time.
  let guard = (work: () => Promise<SeenAnswer>): Promise<SeenAnswer> => work();

  return {
    ask: (...asked: Parameters<typeof ask>) => guard(() => ask(...asked)),
    /** The same at any time, for what another request needs. */
    make: ask,
    actAs: server.actAs,
    queued,
    active,
    async deactivated(): Promise<string> {
      const id = await active();
      await ask('POST', `/v2/images/${id}/actions/deactivate`);
      return id;
    },
    /** With members of these projects. */
    async shared(...projects: readonly string[]): Promise<string> {
      const id = await active();
      for (const member of projects) await ask('POST', `/v2/images/${id}/members`, { body: { member } });
      return id;
    },
    /** An image that needs a kernel and a RAM disk, which are images too. */
    async chain(): Promise<{ readonly user: string; readonly kernel: string }> {
      const blue = server.actAs('blue');
      const kernel = await active({ disk_format: 'aki', container_format: 'aki' });
      const ramdisk = await active({ disk_format: 'ari', container_format: 'ari' });
      const dependencies = [
        { slot: 'kernel', alias: 'kernel', ref: kernel },
        { slot: 'ramdisk', alias: 'ramdisk', ref: ramdisk },
      ];
      const properties = { disk_format: 'ami', container_format: 'ami' };
      const { id } = await createArtifact(blue, { type: 'image', properties, dependencies, visibility: 'private' });
      await putText(blue, id, 'data', 'a file system');
      await publishArtifact(blue, { id });
      return { user: id, kernel };
    },
    /** What is stored by the work goes away under it. */
    async bereave<Result>(work: () => Promise<Result>): Promise<Result> {
      const before = new Set(await objectsIn(server.storeFolder));
      const result = await work();
      for (const name of await objectsIn(server.storeFolder)) if (!before.has(name)) await rm(join(server.storeFolder, name));
      return result;
    },
    /** The image is deleted while the second half of its data is still to come. */
    async deletedMeanwhile(): Promise<SeenAnswer> {
      const id = await queued();
      const request = begin('PUT', `/v2/images/${id}/file`, { headers: { ...octets, expect: '100-continue' } });
      request.flushHeaders();
      await once(request, 'continue');
      request.write('first half');
      await ask('DELETE', `/v2/images/${id}`);
      request.end('second half');
      return seen(request);
    },
    /** What the work asks for is asked of a server that is read-only just then. */
    async whileReadOnly(work: () => Promise<SeenAnswer>): Promise<SeenAnswer> {
      const unguarded = guard;
      guard = async (asking) => {
        const admin = server.actAs('ops', 'admin');
        await setReadOnly(admin, { readOnly: true, reason: 'a test' });
        try {
          return await asking();
        } finally {
          await setReadOnly(admin, { readOnly: false });
        }
      };
      try {
        return await work();
      } finally {
        guard = unguarded;
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function seen(request: ClientRequest): Promise<SeenAnswer> {
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, text: await text(response) };
}

async function objectsIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
