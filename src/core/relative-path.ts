/** What a reference inside a file means: a path in the same tree, somewhere outside it, or a URL. */

export type ResolvedPath =
  | { readonly kind: 'path'; readonly path: string }
  /** Leaves the tree: an absolute path, or one `..` too many. */
  | { readonly kind: 'outside' }
  /** Has a scheme or a host: bytes that no artifact holds. */
  | { readonly kind: 'external' };

/** Resolves `reference` against the folder of the file `from`; both with forward slashes, `from` relative to the tree. */
export function resolvePath(from: string, reference: string): ResolvedPath {
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(reference) || reference.startsWith('//')) return { kind: 'external' };
  if (reference.startsWith('/')) return { kind: 'outside' };
  const segments = from.split('/').slice(0, -1);
  for (const segment of reference.split('/')) {
    if (segment === '..') {
      if (segments.pop() === undefined) return { kind: 'outside' };
    } else if (segment !== '.' && segment !== '') segments.push(segment);
  }
  return { kind: 'path', path: segments.join('/') };
}
