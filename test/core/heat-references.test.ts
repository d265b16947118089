import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HeatReference, heatReferences, readHeatDocument, writeHeatDocument } from '#core/heat-references.ts';
import { resolvePath } from '#core/relative-path.ts';

const brief = ({ kind, literal, pointer }: HeatReference): string => `${kind} ${literal} ${pointer}`;

describe('references of a template', () => {
  it('are get_file with a text, and type with a text that names a template', () => {
    const document = readHeatDocument(`
heat_template_version: 2016-04-08
parameters: {p: {type: string}}
resources:
  a:
    type: nested/a.yaml
    properties:
      user_data: {get_file: scripts/x.sh}
      list: [{get_file: y.sh}, {get_file: {get_param: p}}, {get_file: 5}]
  b: {type: b.template}
  c: {type: OS::Heat::Value, properties: {type: z.yaml, other: w.yaml}}
`);
    expect(document.format).toBe('hot');
    expect(heatReferences(document, 'template').map(brief)).toEqual([
      'type nested/a.yaml /resources/a/type',
      'get_file scripts/x.sh /resources/a/properties/user_data/get_file',
      'get_file y.sh /resources/a/properties/list/0/get_file',
      'type b.template /resources/b/type',
      'type z.yaml /resources/c/properties/type',
    ]);
  });

  it('are also the Type of a CloudFormation resource, which the engine looks up the same way', () => {
    const document = readHeatDocument('{"HeatTemplateFormatVersion": "2012-12-12", "Resources": {"a": {"Type": "n.template"}}}');
    expect(document.format).toBe('cfn');
    expect(heatReferences(document, 'template').map(brief)).toEqual(['type n.template /Resources/a/Type']);
  });

  it('are none in what is no map', () => {
    expect(heatReferences(readHeatDocument('- get_file: x'), 'template')).toEqual([]);
    expect(readHeatDocument('- get_file: x').faults).toEqual([{ pointer: '', message: 'is not a map' }]);
  });
});

describe('references of an environment', () => {
  const registry = (text: string): string[] => heatReferences(readHeatDocument(text), 'environment').map(brief);

  it('are the values of resource_registry, also of each resource, but for names of types, hooks and actions', () => {
    expect(
      registry(`
parameters: {get_file: not_here.sh, type: nor_here.yaml}
resource_registry:
  "My::Server": server.yaml
  "OS::Nova::*": "OS::Heat::None"
  plain: lib/plain.txt
  resources:
    web: {"OS::Nova::Server": ../web.yaml, hooks: pre-create, restricted_actions: replace}
    db: {hooks: [pre-create], "X": 5}
`),
    ).toEqual([
      'registry server.yaml /resource_registry/My::Server',
      'registry lib/plain.txt /resource_registry/plain',
      'registry ../web.yaml /resource_registry/resources/web/OS::Nova::Server',
    ]);
  });

  it('lead outside every artifact once a base_url stands over them', () => {
    const document = readHeatDocument('resource_registry: {base_url: "http://h/x/", a: a.yaml, resources: {r: {b: b.yaml}}}');
    expect(heatReferences(document, 'environment').map((reference) => reference.resolve('e.yaml').kind)).toEqual([
      'external',
      'external',
    ]);
  });
});

describe('rewriting', () => {
  it('changes the scalars that refer and not a byte more', () => {
    const text = `# ☃ comment\r\nheat_template_version: 2015-10-15 # date\r\nresources:\r\n  a: {type: 'n.yaml', properties: {x: {get_file: a.sh}, m: 0644}}\r\n`;
    const document = readHeatDocument(text);
    for (const reference of heatReferences(document, 'template')) reference.replace(`t/${reference.literal}`);
    expect(writeHeatDocument(document)).toBe(text.replace("'n.yaml'", '"t/n.yaml"').replace('a.sh', '"t/a.sh"'));
  });

  it('keeps the old text where an alias uses a rewritten scalar for something else', () => {
    const document = readHeatDocument('a: &f x.sh\nb: {get_file: *f}\nc: {get_file: &g y.sh}\nd: *g\ne: {get_file: *g}\n');
    for (const reference of heatReferences(document, 'template')) reference.replace(`t/${reference.literal}`);
    const written = readHeatDocument(writeHeatDocument(document));
    expect(written.value).toEqual({
      a: 'x.sh',
      b: { get_file: 't/x.sh' },
      c: { get_file: 't/y.sh' },
      d: 'y.sh',
      e: { get_file: 't/y.sh' },
    });
  });

  it('writes a block scalar’s line as a line, after a byte order mark too', () => {
    const document = readHeatDocument('\ufeffa:\n  get_file: |-\n    x.sh\nb: 1\n');
    for (const reference of heatReferences(document, 'template')) reference.replace('y"z');
    expect(readHeatDocument(writeHeatDocument(document)).value).toEqual({ a: { get_file: 'y"z' }, b: 1 });
  });

  it('gives a document that differs in its references only, whatever they become', () => {
    const name = fc.string({ minLength: 1, unit: 'binary' }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(name, name, fc.boolean(), (literal, next, isFlow) => {
        const text = isFlow
          ? JSON.stringify({ k: [{ get_file: literal }], same: literal })
          : `k:\n  - get_file: ${JSON.stringify(literal)}\nsame: ${JSON.stringify(literal)}\n`;
        const document = readHeatDocument(text);
        fc.pre(document.faults.length === 0);
        for (const reference of heatReferences(document, 'template')) reference.replace(next);
        expect(readHeatDocument(writeHeatDocument(document)).value).toEqual({ k: [{ get_file: next }], same: literal });
      }),
    );
  });
});

describe('what a reference means', () => {
  it.each([
    ['main.yaml', 'a.sh', 'a.sh'],
    ['main.yaml', './a/./b//c.sh', 'a/b/c.sh'],
    ['sub/n.yaml', '../a.sh', 'a.sh'],
    ['sub/deep/n.yaml', '../../x/../a.sh', 'a.sh'],
    ['sub/n.yaml', 'x/a.sh', 'sub/x/a.sh'],
    ['sub/n.yaml', '../../a.sh', 'outside'],
    ['main.yaml', '../a.sh', 'outside'],
    ['main.yaml', '/etc/passwd', 'outside'],
    ['main.yaml', 'http://h/a.yaml', 'external'],
    ['main.yaml', 'file:///a.yaml', 'external'],
    ['main.yaml', '//h/a.yaml', 'external'],
  ])('in %s, %s is %s', (from, reference, expected) => {
    const resolved = resolvePath(from, reference);
    expect(resolved.kind === 'path' ? resolved.path : resolved.kind).toBe(expected);
  });
});
