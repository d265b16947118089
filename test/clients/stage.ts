/** What a suite of clients plays on: a cloud, one generation of clients, and a folder for their files. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientGeneration } from './client-generations.ts';
import { type Account, type Clients, openClients } from './clients.ts';
import { type ImageCloud, startImageCloud } from './image-cloud.ts';

/** The people of the cloud, under names that say what they are. */
export interface Stage {
  readonly cloud: ImageCloud;
  readonly clients: Clients;
  readonly folder: string;
  /** A member of project alpha. */
  readonly alice: Account;
  /** A reader of project alpha. */
  readonly rita: Account;
  /** A member of project beta. */
  readonly bob: Account;
  /** Has the role admin. */
  readonly operator: Account;
}

export interface OpenStage extends Stage, AsyncDisposable {}

export async function openStage(generation: ClientGeneration): Promise<OpenStage> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-clients-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const cloud = stack.use(await startImageCloud());
  const clients = stack.use(await openClients(generation, folder));
  const kept = stack.move();
  return { cloud, clients, folder, ...cloud.accounts, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** What clients say of a refused download: openstacksdk takes the refusal itself for the image, and finds that its digest is another. */
export const notSaved = /403|[Ff]orbidden|checksum mismatch|InvalidResponse/;

export function md5(content: Uint8Array): string {
  return createHash('md5').update(content).digest('hex');
}

export function sha512(content: Uint8Array): string {
  return createHash('sha512').update(content).digest('hex');
}
