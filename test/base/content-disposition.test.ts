import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attachmentDisposition } from '#base/content-disposition.ts';

describe('a Content-Disposition', () => {
  it.each([
    ['a/b/disk.img', 'attachment; filename="disk.img"'],
    ['größe.txt', `attachment; filename="gr__e.txt"; filename*=UTF-8''gr%C3%B6%C3%9Fe.txt`],
    ['a "b".txt', `attachment; filename="a _b_.txt"; filename*=UTF-8''a%20%22b%22.txt`],
    ["it's (1)*.txt", `attachment; filename="it's (1)_.txt"`],
    ['..', 'attachment; filename="blob"'],
    ['a/', 'attachment; filename="blob"'],
    ['100%.txt', `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`],
  ])('of %o is %s', (path, header) => {
    expect(attachmentDisposition(path)).toBe(header);
  });

  it('is one header of visible ASCII without a path in it, whatever the path was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (path) => {
        const header = attachmentDisposition(path);
        expect(header).toMatch(
          /^attachment; filename="[\x20\x21\x23-\x5b\x5d-\x7e]+"(; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_`|~%-]+)?$/,
        );
        expect(header).not.toMatch(/[/\\]/);
      }),
      { numRuns: 500 },
    );
  });
});
