import { describe, expect, it } from 'vitest';
import { chooseShape } from '#rest/images/image-errors.ts';

describe('the shape of an error', () => {
  it.each([
    [undefined, 'html'],
    ['*/*', 'html'],
    ['text/html', 'html'],
    ['application/json', 'json'],
    ['application/json, */*', 'html'],
    ['application/json, */*;q=0.5', 'json'],
    ['text/html;q=0.2, application/json', 'json'],
    ['text/*, application/json;q=0.9', 'html'],
    ['application/json;q=0, */*', 'html'],
    ['APPLICATION/JSON; charset=utf-8', 'json'],
    ['', 'text'],
    ['text/plain', 'text'],
    ['application/octet-stream', 'text'],
    ['nonsense;;q=;,', 'text'],
  ])('for Accept %o is %s', (accept, shape) => {
    expect(chooseShape(accept)).toBe(shape);
  });
});
