import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '#base/json.ts';
import { parseYaml, yamlLimits } from '#core/yaml-text.ts';

const value = (text: string): Json => {
  const { value: parsed, faults } = parseYaml(text);
  expect(faults).toEqual([]);
  return parsed;
};
const firstFault = (text: string, limits = yamlLimits): string => {
  const { value: parsed, root, faults } = parseYaml(text, limits);
  expect(parsed).toBeNull();
  expect(root).toBeNull();
  return faults[0] === undefined ? 'none' : `${faults[0].pointer}|${faults[0].message}`;
};

describe('plain scalars as PyYAML reads them', () => {
  it.each<[string, Json]>([
    ['2013-05-23', '2013-05-23'],
    ['2001-12-14 21:59:43.10 -5', '2001-12-14 21:59:43.10 -5'],
    ['0644', 420],
    ['0o17', '0o17'],
    ['089', '089'],
    ['0b101', 5],
    ['0x1F', 31],
    ['1_000', 1000],
    ['-17', -17],
    ['1:30', 90],
    ['1e3', '1e3'],
    ['12e4567', '12e4567'],
    ['1.5e+3', 1500],
    ['.5', 0.5],
    ['6.', 6],
    ['.inf', '.inf'],
    ['.nan', '.nan'],
    ['99999999999999999999', '99999999999999999999'],
    ['yes', true],
    ['OFF', false],
    ['y', 'y'],
    ['~', null],
    ['', null],
    ['"yes"', 'yes'],
    ["'012'", '012'],
    ['!!str 012', '012'],
    ['!!int "7"', 7],
    ['!!float 7', 7],
  ])('reads %s', (text, expected) => {
    expect(value(`a: ${text}\n`)).toEqual({ a: expected });
  });

  it('merges << below a map’s own keys, the first of several winning', () => {
    expect(value('b: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}\nd: {<<: [*b, {x: 9, z: 1}]}')).toEqual({
      b: { x: 1, y: 2 },
      c: { x: 1, y: 3 },
      d: { x: 1, y: 2, z: 1 },
    });
  });

  it('reads whatever JSON a program writes', () => {
    const key = fc.string().filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name));
    const tree = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'binary' }),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any')),
        fc.dictionary(key, tie('any')),
      ),
    })).any;
    fc.assert(
      fc.property(tree, (json) => {
        const text = JSON.stringify(json, null, 1);
        fc.pre(text.isWellFormed());
        expect(parseYaml(text)).toMatchObject({ faults: [] });
        expect(parseYaml(text).value).toEqual(JSON.parse(text));
      }),
    );
  });
});

describe('text from strangers', () => {
  it.each([
    ['a key that stands twice', 'a: 1\na: 2', '/a|line 2, column 1: key "a" stands twice'],
    ['the same in JSON', '{"a": 1, "a": 2}', '/a|line 1, column 10: key "a" stands twice'],
    ['keys that mean one thing', '1: a\n"1": b', '/1|line 2, column 1: key "1" stands twice'],
    ['a prototype key', 'x: {__proto__: 1}', '/x|line 1, column 5: key "__proto__" is not allowed'],
    ['a map as a key', '? [a]\n: 1', '|line 1, column 3: a key must be a scalar'],
    ['a null key', '~: 1', '|line 1, column 1: a key must not be null'],
    ['a tag that makes objects', 'a: !!python/object/apply:os.system [ls]', '/a|line 1, column 36: tag'],
    ['a CloudFormation tag', 'a: !Ref x', '/a|line 1, column 9: tag !Ref is not allowed'],
    ['a plain =, which YAML 1.1 keeps for itself', 'a: =', '/a|line 1, column 4: must be quoted to be a text'],
    ['binary', 'a: !!binary aGk=', '/a|line 1, column 13: tag'],
    ['several documents', 'a: 1\n---\nb: 2', '|holds several documents; one is wanted'],
    ['an alias without anchor', 'a: *b', '/a|line 1, column 4: alias *b has no anchor before it'],
    ['an alias inside its anchor', 'a: &x [*x]', '/a/0|line 1, column 8: alias *x stands inside its own anchor'],
    ['a flow that is not closed', 'a: [1, 2', '|line 1, column 9: '],
    ['a tab for indentation', 'a:\n\tb: 1', '|line 2, column 1: Tabs'],
    ['stray brackets by the thousand', '}'.repeat(200_000), '|line 1, column 1: Unexpected'],
    ['lists too deep', '['.repeat(100_000), '|is nested deeper than 64 levels'],
    ['maps too deep', '{a: '.repeat(50_000), '|is nested deeper than 64 levels'],
    ['block lists too deep', '- '.repeat(100_000), '|is nested deeper than 64 levels'],
    ['too many bytes', `a: "${'é'.repeat(262_144)}"`, '|is larger than 524288 bytes'],
    ['too many values', `[${'1,'.repeat(50_001)}]`, '/49999|line 1, column 100000: more than 50000 values'],
  ])('refuses %s', (_, text, expected) => {
    expect(firstFault(text)).toContain(expected);
  });

  it('refuses an alias bomb by what it would expand to', () => {
    let bomb = 'a: &a [x, x, x, x, x, x, x, x, x]\n';
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi']) {
      bomb += `${to}: &${to} [${Array(9).fill(`*${from}`).join(', ')}]\n`;
    }
    expect(firstFault(bomb)).toContain('more than 50000 values');
  });

  it('is taken when depth and values are right at the limit', () => {
    const limits = { bytes: 1000, depth: 3, values: 5 };
    expect(parseYaml('[[[1]]]', limits).value).toEqual([[[1]]]);
    expect(firstFault('[[[[1]]]]', limits)).toContain('deeper than 3');
    expect(parseYaml('[1, 2, 3, 4]', limits).value).toEqual([1, 2, 3, 4]);
    expect(firstFault('[1, 2, 3, 4, 5]', limits)).toContain('more than 5 values');
  });

  it('is refused also where a key is one value too many', () => {
    expect(firstFault('{a: 1, b: 2}', { bytes: 1000, depth: 3, values: 3 })).toContain('more than 3 values');
    expect(parseYaml('{a: 1, b: 2}', { bytes: 1000, depth: 3, values: 5 }).value).toEqual({ a: 1, b: 2 });
  });

  it('never throws, and gives a value or faults', () => {
    const piece = fc.constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '-',
      '[',
      ']',
      '{',
      '}',
      '&x',
      '*x',
      '!!',
      '"',
      "'",
      '|',
      '>',
      '#',
      '?',
      '%',
      '\t',
      '<<',
      ',',
      '---',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const { value: parsed, root, faults } = parseYaml(pieces.join(''));
        const isEither = faults.length > 0 ? parsed === null && root === null : root !== null || parsed === null;
        expect(isEither).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a character that is not printable', () => {
  it.each(['\0', '\u0007', '\u001b', '\u007f', '\u0080', '\ufffe', '\uffff'])(
    'is a fault wherever it stands: %j',
    (character) => {
      const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
      for (const text of [`a: 1\n# ${character}`, `a: 1\nb: "${character}"`, `a: 1\n${character}: 1`])
        expect(firstFault(text)).toBe(`|line 2: the character U+${code} may not stand in YAML`);
    },
  );

  it('may be written as an escape, and others stand as they are', () => {
    expect(value('a: "\\0\\a"')).toEqual({ a: '\0\u0007' });
    expect(value('\ufeffa: "\u0085\u00a0\ud7ff\ue000😀\t"')).toEqual({ a: '\u0085\u00a0\ud7ff\ue000😀\t' });
  });
});
