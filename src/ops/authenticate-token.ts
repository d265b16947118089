/** Who a token stands for. Asked by every request, so what was found is remembered for a few seconds. */
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
const caches = new WeakMap<Database, LRUCache<string, Caller>>();

/** Undefined for what is no token, unknown, expired or revoked: they all look alike. */
export async function authenticateToken(
  services: Pick<Services, 'db' | 'settings'>,
  secret: string,
): Promise<Caller | undefined> {
  if (!isTokenSecret(secret)) return undefined;
  const { db, settings } = services;
  const hash = hashTokenSecret(settings.instanceKey, secret);
  const cache = cacheOf(db);
  const known = cache.get(hash);
  if (known !== undefined) return known;
  const row = await tokenRecords.findValidToken(db, hash);
  if (row === undefined) return undefined;
  const caller = createCaller(row.subject, row.project, row.roles.filter(isRole));
  const ttl = Math.min(rememberMs, Math.floor(row.remaining_ms ?? rememberMs));
  if (ttl > 0) cache.set(hash, caller, { ttl });
  return caller;
}

/** This node asks the database again. */
export function forgetToken(db: Database, secretHash: string): void {
  cacheOf(db).delete(secretHash);
}

function cacheOf(db: Database): LRUCache<string, Caller> {
  let cache = caches.get(db);
  if (cache === undefined) {
    cache = new LRUCache<string, Caller>({ max: rememberedMax, ttl: rememberMs });
    caches.set(db, cache);
  }
  return cache;
}
