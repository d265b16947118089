/** Who a token stands for. Asked by every request, so what was found is remembered for a few seconds. */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Database } from '#metadata/database.ts';
import { tokenRecords } from '#metadata/metadata.ts';
import { type Caller, createCaller, hashTokenSecret, isRole, isTokenSecret } from '#policy/policy.ts';
import type { Services } from './context.ts';

/** Longest time for which another node's revocation may go unseen. */
const rememberMs = 3000;
const rememberedMax = 10_000;

// By database: what one instance knows of a token is nothing another may believe. Only good tokens are remembered, so that
// guesses push nothing out.
const caches = new WeakMap<Database, LRUCache<string, Known>>();

interface Known {
  readonly caller: Caller;
  /** As the database has it. */
  readonly secretHash: string;
}

/** Undefined for what is no token, unknown, expired or revoked: they all look alike. */
export async function authenticateToken(
  services: Pick<Services, 'db' | 'settings'>,
  secret: string,
): Promise<Caller | undefined> {
  if (!isTokenSecret(secret)) return undefined;
  const { db, settings } = services;
  const cache = cacheOf(db);
  // A plain hash for the way there, which every request goes: the keyed one costs ten times as much, and is for what is kept.
  const memoryKey = hash('sha256', secret, 'base64');
  const known = cache.get(memoryKey);
  if (known !== undefined) return known.caller;
  const secretHash = hashTokenSecret(settings.instanceKey, secret);
  const row = await tokenRecords.findValidToken(db, secretHash);
  if (row === undefined) return undefined;
  const caller = createCaller(row.subject, row.project, row.roles.filter(isRole));
  const ttl = Math.min(rememberMs, Math.floor(row.remaining_ms ?? rememberMs));
  if (ttl > 0) cache.set(memoryKey, { caller, secretHash }, { ttl });
  return caller;
}

/** This node asks the database again. */
export function forgetToken(db: Database, secretHash: string): void {
  const cache = cacheOf(db);
  for (const [memoryKey, known] of cache.entries()) if (known.secretHash === secretHash) cache.delete(memoryKey);
}

function cacheOf(db: Database): LRUCache<string, Known> {
  let cache = caches.get(db);
  if (cache === undefined) {
    cache = new LRUCache<string, Known>({ max: rememberedMax, ttl: rememberMs });
    caches.set(db, cache);
  }
  return cache;
}
