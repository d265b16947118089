import { describe, expect, it } from 'vitest';
import { type HeatTree, heatLimits, inspectHeatTree } from '#sdk/sdk.ts';
import { blobView } from '#test/types/type-folder.ts';

const nest = (...paths: string[]): string =>
  `heat_template_version: rocky\nresources:\n  leaf: {type: OS::Heat::None}\n${paths.map((path, index) => `  r${index}: {type: ${JSON.stringify(path)}}\n`).join('')}`;
const fetches = (path: string): string =>
  `heat_template_version: rocky\nresources: {a: {type: OS::Heat::Value, properties: {value: {get_file: ${JSON.stringify(path)}}}}}\n`;

async function faults(files: Readonly<Record<string, string | Uint8Array>>, more: Partial<HeatTree> = {}): Promise<string[]> {
  const blobs = Object.entries(files).map(([path, content]) => blobView(path, content));
  const [root] = Object.keys(files);
  const report = await inspectHeatTree({ roots: [{ path: root ?? '', role: 'template' }], blobs, aliases: [], ...more });
  return report.faults.map(({ pointer, message }) => `${pointer} ${message}`);
}

describe('references', () => {
  it('are resolved against the file they stand in, across folders and by ../', async () => {
    expect(
      await faults({
        'stacks/main.yaml': nest('nested/a.yaml'),
        'stacks/nested/a.yaml': nest('../../common/b.yaml', './c.yaml'),
        'stacks/nested/c.yaml': fetches('../../scripts/x.sh'),
        'common/b.yaml': fetches('../scripts/x.sh'),
        'scripts/x.sh': '#!/bin/sh\n',
        'notes/unused.txt': 'nobody refers to this',
      }),
    ).toEqual([]);
  });

  it.each([
    ['nothing', 'lost.yaml', '"lost.yaml" is "sub/lost.yaml", which is neither a file of the artifact nor under the alias'],
    ['a file by its path from the root', 'sub/b.yaml', '"sub/b.yaml" is "sub/sub/b.yaml"'],
    ['a place above the root', '../../b.yaml', '"../../b.yaml" leaves the artifact’s tree'.replace('’', "'")],
    ['an absolute path', '/b.yaml', '"/b.yaml" leaves the artifact\'s tree'],
    ['a URL', 'https://example.org/b.yaml', '"https://example.org/b.yaml" is external'],
    ['a file URL', 'file:///b.yaml', '"file:///b.yaml" is external'],
    ['another case', 'B.yaml', '"B.yaml" is "sub/B.yaml"'],
    ['an image dependency', '../image/b.yaml', '"../image/b.yaml" is "image/b.yaml"'],
  ])('to %s are faults that say where', async (_, reference, expected) => {
    const found = await faults({ 'sub/main.yaml': nest(reference), 'sub/b.yaml': nest() });
    expect(found).toEqual([expect.stringContaining(`/slots/files/sub~1main.yaml /resources/r0/type: ${expected}`)]);
  });

  it('may lead under the alias of a dependency, but not to the alias itself', async () => {
    const aliases = ['lib'];
    expect(await faults({ 'sub/main.yaml': nest('../lib/x/y.yaml') }, { aliases })).toEqual([]);
    expect(await faults({ 'main.yaml': fetches('lib') }, { aliases })).toHaveLength(1);
    expect(await faults({ 'main.yaml': fetches('library/x') }, { aliases })).toHaveLength(1);
  });

  it('in a get_file target that is a template are followed too, as heatclient does', async () => {
    expect(await faults({ 'main.yaml': fetches('t/other.txt'), 't/other.txt': fetches('lost.sh') })).toEqual([
      expect.stringContaining('/slots/files/t~1other.txt /resources/a/properties/value/get_file: "lost.sh"'),
    ]);
    expect(await faults({ 'main.yaml': fetches('t/other.yaml'), 't/other.yaml': 'a: {get_file: lost.sh}\n' })).toEqual([]);
  });

  it('may lead to bytes that are no text, of any size', async () => {
    expect(
      await faults({ 'main.yaml': fetches('x.bin'), 'x.bin': new Uint8Array(heatLimits.templateBytes + 1).fill(255) }),
    ).toEqual([]);
    expect(await faults({ 'main.yaml': fetches('x.bin'), 'x.bin': new Uint8Array([0xff, 0xfe, 0x00]) })).toEqual([]);
  });
});

describe('nested templates', () => {
  it('are judged as templates', async () => {
    expect(
      await faults({
        'main.yaml': nest('a.yaml', 'b.yaml', 'c.yaml'),
        'a.yaml': 'just: data\n',
        'b.yaml': 'a: [',
        'c.yaml': new Uint8Array([0xff]),
      }),
    ).toEqual([
      expect.stringContaining('/slots/files/a.yaml has none of heat_template_version'),
      expect.stringContaining('/slots/files/b.yaml line 1'),
      '/slots/files/c.yaml is not UTF-8 text',
    ]);
  });

  it('are refused above the size Heat takes', async () => {
    const long = `${nest()}# ${'x'.repeat(heatLimits.templateBytes)}`;
    expect(await faults({ 'main.yaml': nest('a.yaml'), 'a.yaml': long })).toEqual([
      '/slots/files/a.yaml is larger than 524288 bytes',
    ]);
  });

  it('are refused once all of them together are too many bytes', async () => {
    const big = `${nest()}# ${'x'.repeat(500_000)}`;
    const names = Array.from({ length: 18 }, (_, index) => `n${index}.yaml`);
    const found = await faults({ 'main.yaml': nest(...names), ...Object.fromEntries(names.map((name) => [name, big])) });
    expect(found[0]).toContain('is one too many: templates and environments are larger than 8388608 bytes together');
  });

  const chain = (length: number): Record<string, string> =>
    Object.fromEntries(
      Array.from({ length }, (_, index) => [`s${index}.yaml`, index === length - 1 ? nest() : nest(`s${index + 1}.yaml`)]),
    );

  it('nest five levels deep, and no deeper', async () => {
    expect(await faults(chain(6))).toEqual([]);
    expect(await faults(chain(7))).toEqual([
      '/slots/files/s0.yaml nests 6 stacks deep, more than 5: s0.yaml → s1.yaml → s2.yaml → s3.yaml → s4.yaml → s5.yaml → s6.yaml',
    ]);
  });

  it('may be used by many without being a circle', async () => {
    expect(
      await faults({
        'main.yaml': nest('a.yaml', 'b.yaml'),
        'a.yaml': nest('c.yaml'),
        'b.yaml': nest('c.yaml'),
        'c.yaml': nest(),
      }),
    ).toEqual([]);
  });

  it.each([
    ['itself', { 'main.yaml': nest('main.yaml') }, 'main.yaml → main.yaml'],
    [
      'one that refers back',
      { 'main.yaml': nest('d/a.yaml'), 'd/a.yaml': nest('../main.yaml') },
      'main.yaml → d/a.yaml → main.yaml',
    ],
    [
      'one that fetches it back as a text',
      { 'main.yaml': nest('a.yaml'), 'a.yaml': fetches('main.yaml') },
      'main.yaml → a.yaml → main.yaml',
    ],
  ])('are refused with the path where one refers to %s', async (_, files, path) => {
    expect(await faults(files)).toEqual([expect.stringContaining(`refers to itself: ${path}`)]);
  });
});

describe('environments', () => {
  const roots = [{ path: 'env/e.yaml', role: 'environment' as const }];

  it('lead to templates through their registry', async () => {
    const files = { 'env/e.yaml': 'resource_registry: {"A::B": ../t/a.yaml, "A::C": "A::B"}\n', 't/a.yaml': fetches('lost.sh') };
    expect(await faults(files, { roots })).toEqual([expect.stringContaining('/slots/files/t~1a.yaml')]);
  });

  it('stand on the tree, not on a base_url', async () => {
    const files = { 'env/e.yaml': 'resource_registry: {base_url: "file:///etc/", "A::B": a.yaml}\n', 'env/a.yaml': nest() };
    expect(await faults(files, { roots })).toEqual([expect.stringContaining('/resource_registry/A::B: "a.yaml" is external')]);
  });

  it('are judged as environments even when a template is the same file', async () => {
    const files = { 'env/e.yaml': nest() };
    expect(await faults(files, { roots })).toEqual([
      expect.stringContaining('/heat_template_version: is none of the sections'),
      expect.stringContaining('/resources: is none of the sections'),
    ]);
  });
});
