import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claimedText, inspectText, textLimits } from '#sdk/sdk.ts';
import { archiveBlob } from './archives.ts';

const json = (text: string | Uint8Array) => inspectText(archiveBlob('a', Buffer.from(text as string)), 'json');
const yaml = (text: string | Uint8Array) => inspectText(archiveBlob('a', Buffer.from(text as string)), 'yaml');

describe('what a media type claims', () => {
  it.each([
    ['application/json', 'json'],
    ['Application/LD+JSON; profile=x', 'json'],
    ['application/yaml', 'yaml'],
    ['text/x-yaml', 'yaml'],
    ['application/openapi+yaml', 'yaml'],
    ['application/json-seq', undefined],
    ['text/plain', undefined],
    ['application/octet-stream', undefined],
  ])('of %s is %s', (mediaType, format) => {
    expect(claimedText(mediaType)).toBe(format);
  });
});

describe('a blob that claims to be JSON', () => {
  it.each(['{"a": [1, 2.5, "x", null]}', '[]', '"text"', ' 1 '])('may be %s', async (text) => {
    expect(await json(text)).toBeUndefined();
  });

  it.each([
    ['', 'A value is missing'],
    ['{"a": 1, "a": 2}', '/a The key stands there twice'],
    ['{"__proto__": 1}', '__proto__'],
    ['[1,]', 'A value is missing'],
    ['{"a": 1} x', 'more text'],
    ['// comment\n{}', 'A value is missing'],
    ['['.repeat(100_000), 'nested too deeply'],
    [Buffer.from([0x22, 0xff, 0x22]), 'no UTF-8'],
    [Buffer.alloc(textLimits.json.bytes + 1, ' '), 'is larger than'],
  ])('is refused as %.40j', async (text, words) => {
    expect(await json(text)).toContain(words);
  });
});

describe('a blob that claims to be YAML', () => {
  it.each([
    '',
    'a: 1\nb: [x, y]',
    '%YAML 1.1\n---\na: 1\n---\nb: 2\n...\n',
    'role: !Ref Thing\nlist: !Sub ["$x", {x: 1}]',
    'base: &b {a: 1}\none: {<<: *b}\ntwo: {<<: *b, c: 1}',
    'a: 1\n"b": 2\n? [complex, key]\n: 3',
    '{"json": [1, 2, {"x": null}]}',
  ])('may be %j', async (text) => {
    expect(await yaml(text)).toBeUndefined();
  });

  it.each([
    ['a: 1\na: 2', 'line 2: has the key "a" twice'],
    ['x: {a: 1, "a": 2}', 'twice'],
    ['a: 1\n---\nb: 1\nb: 2', 'line 4'],
    ['a: [1, 2', 'line 1'],
    ['{{- if .Values.x }}\na: 1\n{{- end }}', 'is no YAML'],
    ['a: *nowhere', 'no anchor before it'],
    ['a: &a [*a]', 'inside its own anchor'],
    ['['.repeat(10_000), 'is nested deeper'],
    [Buffer.from([0x61, 0x3a, 0xff]), 'no UTF-8'],
    [Buffer.alloc(textLimits.yaml.bytes + 1, '#'), 'is larger than'],
    [
      `a0: &a0 [x, x]\n${Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`).join('\n')}`,
      'more values',
    ],
  ])('is refused as %.40j', async (text, words) => {
    expect(await yaml(text)).toContain(words);
  });

  it('is no slower for many keys than they are many', async () => {
    const many = Array.from({ length: 60_000 }, (_, index) => `k${index}: 1`).join('\n');
    expect(await yaml(many)).toBeUndefined();
  });

  it('only ever ends with words, whatever its text is', async () => {
    const pieces = fc.constantFrom(
      'a',
      ': ',
      '\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '&a ',
      '*a',
      '<<',
      '!t ',
      '"',
      "'",
      '|',
      '>',
      '? ',
      '---\n',
      '  ',
      '#',
      ',',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 40 }), async (parts) => {
        for (const inspect of [yaml, json]) {
          const found = await inspect(parts.join('').toWellFormed());
          expect(found === undefined || found.startsWith('is ')).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
