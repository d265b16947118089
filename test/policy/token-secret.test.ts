import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createTokenSecret, hashTokenSecret, isTokenSecret } from '#policy/policy.ts';

describe('the secret of a token', () => {
  it('is vtr_ and 32 random bytes in base64url, never the same twice', () => {
    const secrets = Array.from({ length: 100 }, createTokenSecret);
    expect(new Set(secrets).size).toBe(100);
    for (const secret of secrets) {
      expect(secret).toMatch(/^vtr_[A-Za-z0-9_-]{43}$/);
      expect(isTokenSecret(secret)).toBe(true);
      expect(Buffer.from(secret.slice(4), 'base64url')).toHaveLength(32);
    }
  });

  it.each([
    '',
    'vtr_',
    'vtr_short',
    `vtr_${'a'.repeat(44)}`,
    `xyz_${'a'.repeat(43)}`,
    `vtr_${'!'.repeat(43)}`,
    `vtr_${'a'.repeat(43)}\n`,
  ])('is not %j', (text) => {
    expect(isTokenSecret(text)).toBe(false);
  });

  it('is hashed under the instance key: the same for one key, another for another', () => {
    const [key, other] = [randomBytes(32), randomBytes(32)];
    const secret = createTokenSecret();
    expect(hashTokenSecret(key, secret)).toMatch(/^[0-9a-f]{64}$/);
    expect(hashTokenSecret(key, secret)).toBe(hashTokenSecret(Buffer.from(key), secret));
    expect(hashTokenSecret(key, secret)).not.toBe(hashTokenSecret(other, secret));
    expect(hashTokenSecret(key, secret)).not.toBe(hashTokenSecret(key, createTokenSecret()));
  });
});
