/** The format of Vitrine's own tokens, and the only form in which they are kept: an HMAC under a key of the instance. */
import { createHmac, hkdfSync, randomBytes } from 'node:crypto';

const prefix = 'vtr_';
const secretPattern = /^vtr_[A-Za-z0-9_-]{43}$/;

/** `vtr_` and 32 random bytes in base64url. */
export function createTokenSecret(): string {
  return prefix + randomBytes(32).toString('base64url');
}

/** True for what is, or was meant to be, a token of ours: nobody else is to see it. */
export function isOwnToken(text: string): boolean {
  return text.startsWith(prefix);
}

/** False for what cannot be a token: not worth a look into the database. */
export function isTokenSecret(text: string): boolean {
  return secretPattern.test(text);
}

// One derivation for each instance key and process: it costs as much as hashing ten tokens.
const derived = new WeakMap<Uint8Array, Uint8Array>();

/** Lower-case hex of HMAC-SHA256 under a key derived from the instance key for this one purpose. */
export function hashTokenSecret(instanceKey: Uint8Array, secret: string): string {
  let key = derived.get(instanceKey);
  if (key === undefined) {
    key = new Uint8Array(hkdfSync('sha256', instanceKey, new Uint8Array(0), 'vitrine api token v1', 32));
    derived.set(instanceKey, key);
  }
  return createHmac('sha256', key).update(secret).digest('hex');
}
