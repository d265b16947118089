import { describe, expect, it } from 'vitest';
import {
  describeHeatTemplate,
  heatMergeStrategies,
  inspectHeatEnvironment,
  inspectHeatTemplate,
  readHeatDocument,
} from '#sdk/sdk.ts';

const resources = 'resources: {a: {type: OS::Heat::None}}';
const faults = (text: string): string[] =>
  inspectHeatTemplate(readHeatDocument(text)).map(({ pointer, message }) => `${pointer} ${message}`);
const hot = (version: string, rest = resources): string[] => faults(`heat_template_version: ${version}\n${rest}\n`);
const output = (version: string, value: string): string[] => hot(version, `${resources}\noutputs: {o: {value: ${value}}}`);

describe('a HOT template', () => {
  it.each([
    '2013-05-23',
    '2014-10-16',
    '2015-04-30',
    '2015-10-15',
    '2016-04-08',
    '2016-10-14',
    '2017-02-24',
    '2017-09-01',
    '2018-03-02',
    '2018-08-31',
    '2021-04-16',
    'newton',
    'ocata',
    'pike',
    'queens',
    'rocky',
    'wallaby',
  ])('of version %s is read', (version) => {
    expect(hot(version)).toEqual([]);
    expect(hot(`"${version}"`)).toEqual([]);
  });

  it.each([
    ['a version nobody released', '2019-01-01', '/heat_template_version "2019-01-01" is not one of'],
    ['a version that is no text', '2013', '/heat_template_version must be a text'],
    ['a version like a prototype', 'toString', '/heat_template_version "toString" is not one of'],
  ])('is refused for %s', (_, version, expected) => {
    expect(hot(version)).toEqual([expect.stringContaining(expected)]);
  });

  it.each([
    ['no version key', resources, ' has none of heat_template_version'],
    [
      'two version keys',
      `heat_template_version: rocky\nAWSTemplateFormatVersion: 2010-09-09\n${resources}`,
      'one decides the format',
    ],
    ['no map', '- a', ' is not a map'],
    ['nothing', '', ' has none of heat_template_version'],
    ['a number', '42', ' is not a map'],
  ])('is refused for %s', (_, text, expected) => {
    expect(faults(text)).toEqual([expect.stringContaining(expected)]);
  });

  it.each([
    ['no resources', 'description: x', '/resources must be a map with at least one resource'],
    ['empty resources', 'resources: {}', '/resources must be a map with at least one resource'],
    ['resources that are a list', 'resources: [a]', '/resources must be a map with at least one resource'],
    ['an unknown section', `${resources}\nresource: {}`, '/resource is no section of rocky'],
    ['a CloudFormation section', `${resources}\nMappings: {}`, '/Mappings is no section of rocky'],
    ['a resource that is a text', 'resources: {a: b}', '/resources/a must be a map'],
    ['a resource without type', 'resources: {a/b: {properties: {}}}', '/resources/a~1b/type must be a text'],
    ['a type that is no text', 'resources: {a: {type: [x]}}', '/resources/a/type must be a text'],
    [
      'a misspelt key',
      'resources: {a: {type: x, propertys: {}}}',
      '/resources/a/propertys is no key of a resource in this version',
    ],
    [
      'an unknown parameter type',
      `${resources}\nparameters: {p: {type: integer}}`,
      '/parameters/p/type must be one of string, number, comma_delimited_list, json, boolean',
    ],
    ['a parameter without type', `${resources}\nparameters: {p: {default: 1}}`, '/parameters/p/type is required'],
    ['a parameter that is a text', `${resources}\nparameters: {p: x}`, '/parameters/p must be a map'],
    ['parameters that are a list', `${resources}\nparameters: [p]`, '/parameters must be a map'],
    [
      'an unknown parameter key',
      `${resources}\nparameters: {p: {type: string, defualt: x}}`,
      '/parameters/p/defualt is no key of a parameter in this version',
    ],
    [
      'constraints that are a map',
      `${resources}\nparameters: {p: {type: string, constraints: {length: 1}}}`,
      '/parameters/p/constraints must be a list',
    ],
    [
      'an unknown constraint',
      `${resources}\nparameters: {p: {type: string, constraints: [{len: 1}]}}`,
      '/parameters/p/constraints/0/len is no key of a constraint in this version',
    ],
    [
      'a constraint of nothing',
      `${resources}\nparameters: {p: {type: string, constraints: [{description: x}]}}`,
      '/parameters/p/constraints/0 expresses no constraint',
    ],
    [
      'a group of unknown parameters',
      `${resources}\nparameter_groups: [{parameters: [q]}]`,
      '/parameter_groups/0/parameters/0 names no parameter of the template',
    ],
    ['an output without value', `${resources}\noutputs: {o: {description: x}}`, '/outputs/o/value is required'],
    ['an output that is a text', `${resources}\noutputs: {o: x}`, '/outputs/o must be a map'],
  ])('is refused for %s', (_, rest, expected) => {
    expect(hot('rocky', rest)).toEqual([expected]);
  });

  it.each([
    ['conditions', '2016-04-08', `${resources}\nconditions: {c: true}`, '/conditions is no section of 2016-04-08', '2016-10-14'],
    [
      'a condition of a resource',
      '2016-04-08',
      'resources: {a: {type: x, condition: c}}',
      '/resources/a/condition is no key',
      '2016-10-14',
    ],
    [
      'tags of a parameter',
      '2017-09-01',
      `${resources}\nparameters: {p: {type: string, tags: [a]}}`,
      '/parameters/p/tags is no key',
      '2018-03-02',
    ],
    [
      'modulo',
      '2016-10-14',
      `${resources}\nparameters: {p: {type: number, constraints: [{modulo: {step: 2}}]}}`,
      '/parameters/p/constraints/0/modulo is no key',
      '2017-02-24',
    ],
  ])('knows %s only from their version on', (_, before, rest, expected, since) => {
    expect(hot(before, rest)[0]).toContain(expected);
    expect(hot(since, rest)).toEqual([]);
  });

  it.each([
    ['str_split', "[',', 'a,b']", '2015-04-30', '2015-10-15'],
    ['map_merge', '[{a: 1}]', '2015-10-15', '2016-04-08'],
    ['yaql', '{expression: x, data: {}}', '2016-04-08', '2016-10-14'],
    ['if', '[c, 1, 2]', '2016-04-08', '2016-10-14'],
    ['repeat', '{for_each: {a: [1]}, template: a}', '2014-10-16', '2015-04-30'],
    ['digest', '[md5, x]', '2014-10-16', '2015-04-30'],
    ['filter', '[[1], [1, 2]]', '2016-10-14', '2017-02-24'],
    ['contains', '[1, [1, 2]]', '2017-02-24', '2017-09-01'],
    ['list_concat', '[[1], [2]]', '2017-02-24', '2017-09-01'],
    ['make_url', '{host: h}', '2017-02-24', '2017-09-01'],
    ['str_replace_strict', '{template: a, params: {}}', '2016-10-14', '2017-02-24'],
  ])('knows the function %s only from its version on', (name, argument, before, since) => {
    expect(output(before, `{x: [{${name}: ${argument}}]}`)).toEqual([`/outputs/o/value/x/0/${name} is no function of ${before}`]);
    expect(output(since, `{x: [{${name}: ${argument}}]}`)).toEqual([]);
  });

  it.each(['Fn::Join', 'Fn::Base64', 'Ref'])('knows %s of CloudFormation in its first version only', (name) => {
    expect(output('2013-05-23', `{"${name}": x}`)).toEqual([]);
    expect(output('2014-10-16', `{"${name}": x}`)).toEqual([`/outputs/o/value/${name} is no function of 2014-10-16`]);
  });

  it('has a fault for what can only be a misspelt function, and none for data that shares a word', () => {
    expect(output('rocky', '{get_atr: [a, b]}')).toEqual(['/outputs/o/value/get_atr is no function of rocky']);
    expect(output('2013-05-23', '{filter: name, if: x}')).toEqual([]);
    expect(output('2013-05-23', '{filter: name}')).toEqual([]);
    expect(output('2013-05-23', '{contains: {a: 1}}')).toEqual([]);
  });

  it('reports many faults at once, but not without end', () => {
    const many = Array.from({ length: 200 }, (_, index) => `  r${index}: {}`).join('\n');
    expect(hot('rocky', `resources:\n${many}`)).toHaveLength(50);
  });
});

describe('a CloudFormation template', () => {
  const cfn = (version: string, rest: string): string[] => faults(`${version}\n${rest}\n`);
  const aws = 'AWSTemplateFormatVersion: 2010-09-09';
  const heat = 'HeatTemplateFormatVersion: 2012-12-12';
  const body = 'Resources: {A: {Type: "OS::Heat::None"}}';

  it.each([
    [aws, `${body}\nConditions: {C: true}\nOutputs: {O: {Value: {"Fn::If": [C, 1, 2]}}}`],
    [heat, `${body}\nParameters: {P: {Type: Json, NoEcho: true}}\nMappings: {}`],
  ])('%s is read', (version, rest) => {
    expect(cfn(version, rest)).toEqual([]);
  });

  it.each([
    ['AWSTemplateFormatVersion: 2012-12-12', body, '/AWSTemplateFormatVersion "2012-12-12" is not one of 2010-09-09'],
    [heat, `${body}\nConditions: {}`, '/Conditions is no section of 2012-12-12'],
    [heat, `${body}\nresources: {}`, '/resources is no section of 2012-12-12'],
    [aws, 'Resources: {}', '/Resources must be a map with at least one resource'],
    [aws, 'Resources: {A: {type: x}}', '/Resources/A/Type must be a text'],
    [
      aws,
      `${body}\nParameters: {P: {Type: string}}`,
      '/Parameters/P/Type must be one of String, Number, CommaDelimitedList, Json, Boolean',
    ],
    [aws, `${body}\nOutputs: {O: {Value: {get_param: P}}}`, '/Outputs/O/Value/get_param is no function of 2010-09-09'],
    [heat, `${body}\nOutputs: {O: {Value: {"Fn::If": [C, 1, 2]}}}`, '/Outputs/O/Value/Fn::If is no function of 2012-12-12'],
    [aws, `${body}\nOutputs: {O: {Value: {"Fn::Jion": []}}}`, '/Outputs/O/Value/Fn::Jion is no function of 2010-09-09'],
  ])('%s with %s is refused', (version, rest, expected) => {
    expect(cfn(version, rest)).toContain(expected);
  });
});

describe('what a template says of itself', () => {
  it('is nothing for what is none', () => {
    expect(describeHeatTemplate(readHeatDocument('a: 1'))).toBeUndefined();
  });

  it('is its version as written, parameters, types and outputs', () => {
    const text =
      'heat_template_version: 2013-05-23\nparameters: {p: {type: json, hidden: yes}}\nresources: {b: {type: y}, a: {type: x}, c: {type: x}}\noutputs: {o: {value: 1}}';
    expect(describeHeatTemplate(readHeatDocument(text))).toEqual({
      format: 'hot',
      version: '2013-05-23',
      description: null,
      parameters: [{ name: 'p', type: 'json', hidden: true, definition: { type: 'json', hidden: true } }],
      resourceTypes: ['x', 'y'],
      outputs: ['o'],
    });
  });
});

describe('an environment', () => {
  const environment = (text: string): string[] =>
    inspectHeatEnvironment(readHeatDocument(text)).map(({ pointer, message }) => `${pointer} ${message}`);

  it('may be empty, and may have all six sections', () => {
    expect(environment('')).toEqual([]);
    expect(
      environment(
        'parameters: {}\nparameter_defaults: {}\nresource_registry: {}\nencrypted_param_names: []\nevent_sinks: []\nparameter_merge_strategies: {a: merge, b: deep_merge, c: overwrite}',
      ),
    ).toEqual([]);
  });

  it.each([
    ['parameters:', '/parameters must not be empty'],
    ['parameters: [a]', '/parameters must be a map'],
    ['event_sinks: {}', '/event_sinks must be a list'],
    ['parameter: {a: 1}', '/parameter is none of the sections'],
    ['heat_template_version: rocky', '/heat_template_version is none of the sections'],
    ['parameter_merge_strategies: {a: replace}', '/parameter_merge_strategies/a must be one of overwrite, merge, deep_merge'],
    ['resource_registry: {resources: [a]}', '/resource_registry/resources must be a map'],
    ['resource_registry: {resources: {a: b.yaml}}', '/resource_registry/resources/a must be a map'],
    [
      'resource_registry: {resources: {a: {hooks: before}}}',
      '/resource_registry/resources/a/hooks must be one or a list of pre-create',
    ],
    [
      'resource_registry: {resources: {a: {restricted_actions: [update, drop]}}}',
      '/resource_registry/resources/a/restricted_actions must be one',
    ],
    ['resource_registry: {"A::B": 5}', '/resource_registry/A::B must be a text or a map'],
    ['- a', ' is not a map'],
    ['a: 1\na: 2', '/a line 2, column 1: key "a" stands twice'],
  ])('%s is refused', (text, expected) => {
    expect(environment(text)).toEqual([expect.stringContaining(expected)]);
  });

  it('has merge strategies by parameter', () => {
    expect([...heatMergeStrategies(readHeatDocument('parameter_merge_strategies: {a: merge, b: no}'))]).toEqual([['a', 'merge']]);
    expect([...heatMergeStrategies(readHeatDocument('parameters: {}'))]).toEqual([]);
  });
});
