import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateConditions, isRangeWanted } from '#base/http-conditions.ts';

const etag = '"sha256:abc"';
const modified = new Date('2026-05-05T12:00:00.900Z');
const sameSecond = 'Tue, 05 May 2026 12:00:00 GMT';
const before = 'Tue, 05 May 2026 11:59:59 GMT';

describe('preconditions', () => {
  it.each([
    [{}, 'proceed'],
    [{ 'if-match': `"x" , ${etag}` }, 'proceed'],
    [{ 'if-match': '*' }, 'proceed'],
    [{ 'if-match': `W/${etag}` }, 'failed'],
    [{ 'if-match': '' }, 'failed'],
    [{ 'if-match': etag.slice(0, -1) }, 'failed'],
    [{ 'if-match': '"sha256:abc', 'if-none-match': '"x"' }, 'failed'],
    [{ 'if-none-match': `W/"x",W/${etag}` }, 'not-modified'],
    [{ 'if-none-match': `"a,${etag.slice(1, -1)}"` }, 'proceed'],
    [{ 'if-none-match': `x ${etag}` }, 'proceed'],
    [{ 'if-modified-since': sameSecond }, 'not-modified'],
    [{ 'if-modified-since': before }, 'proceed'],
    [{ 'if-unmodified-since': sameSecond }, 'proceed'],
    [{ 'if-unmodified-since': before }, 'failed'],
    [{ 'if-unmodified-since': 'never' }, 'proceed'],
    [{ 'if-match': '"x"', 'if-none-match': etag }, 'failed'],
    [{ 'if-match': etag, 'if-none-match': etag }, 'not-modified'],
  ])('%o: %s', (headers, outcome) => {
    expect(evaluateConditions(headers, etag, modified)).toBe(outcome);
  });

  it('find a tag wherever it stands in a list, and only a whole one', () => {
    const tag = fc
      .string({ unit: fc.constantFrom('a', 'b', ':', '-', ',', ' '), maxLength: 5 })
      .map((text) => `"${text.replaceAll(' ', '')}"`);
    fc.assert(
      fc.property(fc.array(tag, { maxLength: 5 }), tag, (others, wanted) => {
        const list = others.join(', ');
        const expected = others.includes(wanted) ? 'proceed' : 'failed';
        expect(evaluateConditions({ 'if-match': list }, wanted, modified)).toBe(expected);
        expect(evaluateConditions({ 'if-match': [...others, wanted].join(',') }, wanted, modified)).toBe('proceed');
      }),
    );
  });
});

describe('If-Range', () => {
  it('lets a range count for this very representation only', () => {
    expect(isRangeWanted({}, etag)).toBe(true);
    expect(isRangeWanted({ 'if-range': etag }, etag)).toBe(true);
    for (const other of [`W/${etag}`, '"x"', sameSecond, '']) expect(isRangeWanted({ 'if-range': other }, etag)).toBe(false);
  });
});
