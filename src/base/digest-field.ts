/** Digests in HTTP fields (RFC 9530: base64 in a dictionary) and in references (`sha256:<hex>`), to and from plain hex. */
import { AppError } from './app-error.ts';

export type DigestAlgorithm = 'sha256' | 'sha512' | 'md5';

/** Lower-case hex by algorithm. */
export interface DeclaredDigests {
  readonly sha256?: string;
  readonly sha512?: string;
  readonly md5?: string;
}

/** Names of RFC 9530's registry. md5 is there as insecure; images are declared with it all the same. */
const algorithmByKey: Readonly<Record<string, DigestAlgorithm>> = { 'sha-256': 'sha256', 'sha-512': 'sha512', md5: 'md5' };
const keyByAlgorithm = { sha256: 'sha-256', sha512: 'sha-512', md5: 'md5' } as const;
const bytesByAlgorithm = { sha256: 32, sha512: 64, md5: 16 } as const;

const fieldLengthMax = 4096;
/** One member of a structured dictionary whose value is a byte sequence; parameters may follow and mean nothing. */
const memberPattern = /^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):(?:\s*;\s*[a-z*][a-z0-9_.*-]*(?:=[^,;]*)?)*$/;

/**
 * Reads `Repr-Digest` or `Content-Digest`. Algorithms that Vitrine does not compute are passed over while one that it does is
 * there.
 * @throws AppError DIGEST_INVALID, DIGEST_UNSUPPORTED
 */
export function parseDigestField(field: string): DeclaredDigests {
  if (field.length > fieldLengthMax) throw new AppError('DIGEST_INVALID', `A digest field is at most ${fieldLengthMax} bytes.`);
  const digests: { [Algorithm in DigestAlgorithm]?: string } = {};
  for (const member of field.split(',')) {
    const match = memberPattern.exec(member.trim());
    if (match === null) throw new AppError('DIGEST_INVALID', 'The digest field is not written as sha-256=:<base64>:.');
    const [, key = '', base64 = ''] = match;
    const algorithm = Object.hasOwn(algorithmByKey, key) ? algorithmByKey[key] : undefined;
    if (algorithm !== undefined) digests[algorithm] = decode(algorithm, base64);
  }
  if (Object.keys(digests).length === 0) throw new AppError('DIGEST_UNSUPPORTED');
  return digests;
}

/** The field's value for the digests given, strongest usual one first. */
export function formatDigestField(digests: DeclaredDigests): string {
  return (['sha256', 'sha512', 'md5'] as const)
    .flatMap((algorithm) => {
      const hex = digests[algorithm];
      return hex === undefined ? [] : [`${keyByAlgorithm[algorithm]}=:${Buffer.from(hex, 'hex').toString('base64')}:`];
    })
    .join(', ');
}

/** Reads `sha256:<hex>`, `sha512:<hex>` or `md5:<hex>`. @throws AppError DIGEST_INVALID, DIGEST_UNSUPPORTED */
export function parseDigest(text: string): { readonly algorithm: DigestAlgorithm; readonly value: string } {
  const match = /^([a-z0-9]{1,32}):([0-9a-f]{1,128})$/.exec(text);
  if (match === null) throw new AppError('DIGEST_INVALID');
  const [, name = '', value = ''] = match;
  if (name !== 'sha256' && name !== 'sha512' && name !== 'md5') throw new AppError('DIGEST_UNSUPPORTED');
  if (value.length !== 2 * bytesByAlgorithm[name]) {
    throw new AppError('DIGEST_INVALID', `A ${name} digest has ${2 * bytesByAlgorithm[name]} hexadecimal digits.`);
  }
  return { algorithm: name, value };
}

function decode(algorithm: DigestAlgorithm, base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length === bytesByAlgorithm[algorithm] && bytes.toString('base64') === base64) return bytes.toString('hex');
  throw new AppError(
    'DIGEST_INVALID',
    `A ${keyByAlgorithm[algorithm]} digest is ${bytesByAlgorithm[algorithm]} bytes in base64.`,
  );
}
