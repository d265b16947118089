/** A Vitrine whose parts fail, and what a client asks of it: every answer with its code, and nothing thrown but by a connection that broke. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type StartOptions, startVitrine, type VitrineProcess } from './vitrine-process.ts';

/** `OK`, or the code of the refusal; `UNTYPED …` for an error without one. */
export type Outcome = string;

interface Asked {
  readonly outcome: Outcome;
  // biome-ignore lint/suspicious/noExplicitAny: answers of several shapes, looked into by tests only
  readonly data: any;
}

const deadlineMs = 60_000;

/** Started as its users start it, and ended by the stack. */
export type DegradedVitrine = Omit<VitrineProcess, keyof AsyncDisposable> & ReturnType<typeof clientOf>;

export async function startDegraded(stack: AsyncDisposableStack, options: StartOptions): Promise<DegradedVitrine> {
  const vitrine = stack.use(await startVitrine(options));
  return { ...vitrine, ...clientOf(vitrine.url) };
}

/** A new folder, which the stack removes. */
export async function useFolder(stack: AsyncDisposableStack, label: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `vitrine-${label}-`));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function clientOf(url: string) {
  return {
    /** Whether artifacts are listed. */
    list: async (): Promise<Outcome> => (await askGraphql(url, '{ artifacts { edges { node { id } } } }')).outcome,
    mutate: (field: string, input: object, selection?: string) => mutate(url, field, input, selection),
    newDraft: () => newDraft(url),
    put: (id: string, path: string, body: Buffer | Readable) => put(url, id, path, body),
    remove: (id: string, path: string) => outcomeOf(fileUrl(url, id, path), { method: 'DELETE' }),
    read: (id: string, path: string) => read(url, id, path),
    beginTus: (id: string, path: string, length: number) => beginTus(url, id, path, length),
    patchTus: (path: string, offset: number, bytes: Buffer) => patchTus(url, path, offset, bytes),
    tusStatus: (path: string) => tusStatus(url, path),
    runJob: (name: string, payload?: object) => runJob(url, name, payload),
  };
}

/** One mutation with one input, or a query without. */
async function askGraphql(url: string, text: string, variables: object = {}): Promise<Asked> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: text, variables }),
    signal: AbortSignal.timeout(deadlineMs),
  });
  const { data, errors, code } = JSON.parse(await response.text());
  const error = errors?.[0];
  const outcome = error === undefined ? (code ?? 'OK') : (error.extensions?.code ?? `UNTYPED ${error.message}`);
  return { outcome: data?.result?.code ?? outcome, data };
}

async function mutate(url: string, field: string, input: object, selection = bundleFields): Promise<Asked> {
  const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input!`;
  const text = `mutation ($input: ${type}) { result: ${field}(input: $input) { ... on Error { code } ${selection} } }`;
  return askGraphql(url, text, { input });
}

const bundleFields = '... on ArtifactPayload { artifact { id state } }';

/** The id of a new draft. */
async function newDraft(url: string): Promise<string> {
  const input = { type: 'bundle', name: `d-${randomBytes(6).toString('hex')}`, version: '1.0.0' };
  const { outcome, data } = await mutate(url, 'createArtifact', input);
  if (outcome !== 'OK') throw new Error(`createArtifact: ${outcome}`);
  return data.result.artifact.id;
}

function fileUrl(url: string, id: string, path: string): string {
  return `${url}/api/v1/artifacts/${id}/slots/files/${path}`;
}

async function put(url: string, id: string, path: string, body: Buffer | Readable): Promise<Outcome> {
  const stream = Buffer.isBuffer(body) ? { body: new Uint8Array(body) } : { body: body as unknown as BodyInit, duplex: 'half' };
  return outcomeOf(fileUrl(url, id, path), { method: 'PUT', ...stream });
}

/** Begins an upload in several requests; its path. */
async function beginTus(url: string, id: string, path: string, length: number): Promise<string> {
  const metadata = Object.entries({ artifact: id, slot: 'files', path })
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
  const headers = { ...tusHeaders, 'upload-length': String(length), 'upload-metadata': metadata };
  const response = await fetch(`${url}/api/v1/uploads`, { method: 'POST', headers });
  const location = response.headers.get('location');
  if (location === null) throw new Error(`no upload: ${await response.text()}`);
  return new URL(location, url).pathname;
}

const tusHeaders = { 'tus-resumable': '1.0.0' };

async function patchTus(url: string, path: string, offset: number, bytes: Buffer): Promise<Outcome> {
  const headers = { ...tusHeaders, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) };
  return outcomeOf(`${url}${path}`, { method: 'PATCH', headers, body: new Uint8Array(bytes) });
}

async function tusStatus(url: string, path: string): Promise<{ readonly state: string; readonly offset: number }> {
  return (await (await fetch(`${url}${path}`)).json()) as { state: string; offset: number };
}

/** The bytes, or the outcome where there are none. */
async function read(url: string, id: string, path: string): Promise<Buffer | Outcome> {
  const response = await fetch(fileUrl(url, id, path), { signal: AbortSignal.timeout(deadlineMs) });
  const bytes = Buffer.from(await response.arrayBuffer());
  return response.ok ? bytes : toOutcome(response, bytes.toString());
}

async function outcomeOf(url: string, init: object): Promise<Outcome> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(deadlineMs) });
  return toOutcome(response, await response.text());
}

function toOutcome(response: Response, text: string): Outcome {
  if (response.ok) return 'OK';
  const isTyped = response.headers.get('content-type')?.startsWith('application/problem+json') === true;
  return isTyped ? (JSON.parse(text) as { code: string }).code : `UNTYPED ${response.status}`;
}

/** Runs a job to its end, and answers what it answered. */
async function runJob(url: string, name: string, payload: object = {}): Promise<Record<string, unknown>> {
  const { outcome, data } = await mutate(url, 'runJob', { name, payload }, '... on JobPayload { job { id } }');
  if (outcome !== 'OK') throw new Error(`${name}: ${outcome}`);
  return untilDone(name, async () => {
    const answer = await askGraphql(url, 'query ($id: ID!) { job(id: $id) { state output } }', { id: data.result.job.id });
    const { state, output } = answer.data.job;
    if (state === 'failed') throw new Error(`${name} failed: ${JSON.stringify(output)}`);
    return state === 'completed' ? output : undefined;
  });
}

export async function untilDone<Value>(what: string, ask: () => Promise<Value | undefined>): Promise<Value> {
  for (const end = performance.now() + deadlineMs; performance.now() < end; await sleep(50)) {
    const value = await ask();
    if (value !== undefined) return value;
  }
  throw new Error(`${what} did not come within ${deadlineMs} ms`);
}
