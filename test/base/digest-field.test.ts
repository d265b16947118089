/** RFC 9530 fields and `algorithm:hex` texts, there and back, and what is refused. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { formatDigestField, parseDigest, parseDigestField } from '#base/digest-field.ts';

const hex = (algorithm: string) => createHash(algorithm).update('{"hello": "world"}\n').digest('hex');
const sha256 = hex('sha256');
const all = { sha256, sha512: hex('sha512'), md5: hex('md5') };

function codeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return isAppError(error) ? error.code : error;
  }
}

describe('parseDigestField', () => {
  it('reads the example of RFC 9530', () => {
    expect(parseDigestField('sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:')).toEqual({ sha256 });
  });

  it('passes over algorithms it does not compute, and parameters', () => {
    const base64 = Buffer.from(sha256, 'hex').toString('base64');
    expect(parseDigestField(`unixsum=:MzA=: ,  sha-256=:${base64}:;a=1; b`)).toEqual({ sha256 });
  });

  it('lets the last of two members with one key count, as dictionaries do', () => {
    const other = formatDigestField({ sha256: '00'.repeat(32) });
    expect(parseDigestField(`${other}, ${formatDigestField({ sha256 })}`)).toEqual({ sha256 });
  });

  it.each([
    '',
    ',',
    'sha-256',
    'sha-256=',
    'sha-256=::',
    'sha-256=:abc:',
    'sha-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=',
    'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg:',
    'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDh=:',
    'md5=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:',
    'SHA-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:',
    `sha-256=:${'A'.repeat(5000)}:`,
  ])('refuses %j as DIGEST_INVALID', (field) => {
    expect(codeOf(() => parseDigestField(field))).toBe('DIGEST_INVALID');
  });

  it.each(['crc32c=:AAAAAA==:', 'constructor=:AAAA:', 'toString=:AAAA:'])('calls %s unsupported or invalid', (field) => {
    expect(codeOf(() => parseDigestField(field))).toMatch(/^DIGEST_/);
  });

  it('calls a field with foreign algorithms only unsupported', () => {
    expect(codeOf(() => parseDigestField('crc32c=:AAAAAA==:'))).toBe('DIGEST_UNSUPPORTED');
  });

  it('reads what formatDigestField wrote', () => {
    expect(formatDigestField(all)).toMatch(/^sha-256=:.{44}:, sha-512=:.{88}:, md5=:.{24}:$/);
    fc.assert(
      fc.property(fc.subarray(['sha256', 'sha512', 'md5'] as const, { minLength: 1 }), (algorithms) => {
        const digests = Object.fromEntries(algorithms.map((algorithm) => [algorithm, all[algorithm]]));
        expect(parseDigestField(formatDigestField(digests))).toEqual(digests);
      }),
    );
  });
});

describe('parseDigest', () => {
  it.each(Object.entries(all))('reads %s', (algorithm, value) => {
    expect(parseDigest(`${algorithm}:${value}`)).toEqual({ algorithm, value });
  });

  it.each([
    ['', 'DIGEST_INVALID'],
    [sha256, 'DIGEST_INVALID'],
    [`sha256:${sha256.toUpperCase()}`, 'DIGEST_INVALID'],
    [`sha256:${sha256.slice(1)}`, 'DIGEST_INVALID'],
    [`sha256:${sha256}00`, 'DIGEST_INVALID'],
    [`sha256:${sha256}\n`, 'DIGEST_INVALID'],
    [`sha1:${'0'.repeat(40)}`, 'DIGEST_UNSUPPORTED'],
  ])('refuses %j as %s', (text, code) => {
    expect(codeOf(() => parseDigest(text))).toBe(code);
  });
});
