/** What each version of Heat's template formats knows, by the tables of its engine (heat.engine.hot.template, heat.engine.cfn.template). */

/** HOT versions, oldest first. */
const hotDates = [
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
] as const;
type HotDate = (typeof hotDates)[number];

const hotNames: Readonly<Record<string, HotDate>> = {
  newton: '2016-10-14',
  ocata: '2017-02-24',
  pike: '2017-09-01',
  queens: '2018-03-02',
  rocky: '2018-08-31',
  wallaby: '2021-04-16',
};

/** Function → the version that brought it, and the last one that has it. */
const hotFunctions: Readonly<Record<string, readonly [HotDate, HotDate?]>> = {
  get_param: ['2013-05-23'],
  get_resource: ['2013-05-23'],
  get_attr: ['2013-05-23'],
  get_file: ['2013-05-23'],
  list_join: ['2013-05-23'],
  str_replace: ['2013-05-23'],
  resource_facade: ['2013-05-23'],
  'Fn::Select': ['2013-05-23', '2015-04-30'],
  'Fn::Base64': ['2013-05-23', '2013-05-23'],
  'Fn::GetAZs': ['2013-05-23', '2013-05-23'],
  'Fn::Join': ['2013-05-23', '2013-05-23'],
  'Fn::MemberListToMap': ['2013-05-23', '2013-05-23'],
  'Fn::Replace': ['2013-05-23', '2013-05-23'],
  'Fn::ResourceFacade': ['2013-05-23', '2013-05-23'],
  'Fn::Split': ['2013-05-23', '2013-05-23'],
  Ref: ['2013-05-23', '2013-05-23'],
  digest: ['2015-04-30'],
  repeat: ['2015-04-30'],
  str_split: ['2015-10-15'],
  map_merge: ['2016-04-08'],
  yaql: ['2016-10-14'],
  map_replace: ['2016-10-14'],
  if: ['2016-10-14'],
  filter: ['2017-02-24'],
  str_replace_strict: ['2017-02-24'],
  make_url: ['2017-09-01'],
  list_concat: ['2017-09-01'],
  list_concat_unique: ['2017-09-01'],
  str_replace_vstrict: ['2017-09-01'],
  contains: ['2017-09-01'],
};

const cfnFunctions = [
  'Ref',
  'Fn::Base64',
  'Fn::FindInMap',
  'Fn::GetAZs',
  'Fn::GetAtt',
  'Fn::Join',
  'Fn::MemberListToMap',
  'Fn::Replace',
  'Fn::ResourceFacade',
  'Fn::Select',
  'Fn::Split',
];

export interface HeatDialect {
  readonly format: 'hot' | 'cfn';
  readonly versionKey: string;
  /** As written. */
  readonly version: string;
  readonly sections: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
  readonly resourceKeys: ReadonlySet<string>;
  readonly parameterKeys: ReadonlySet<string>;
  readonly parameterTypes: ReadonlySet<string>;
  readonly outputKeys: ReadonlySet<string>;
  readonly constraintKeys: ReadonlySet<string>;
}

/** Every function of any version: what is not in a dialect but here belongs to another version. */
export const everyHeatFunction: ReadonlySet<string> = new Set([...Object.keys(hotFunctions), ...cfnFunctions, 'Fn::If']);

const versionKeys = ['heat_template_version', 'HeatTemplateFormatVersion', 'AWSTemplateFormatVersion'] as const;

/** The dialect of a template by its version keys, or why there is none. */
export function heatDialect(
  template: Readonly<Record<string, unknown>>,
): HeatDialect | { readonly problem: string; readonly key: string } {
  const present = versionKeys.filter((key) => Object.hasOwn(template, key));
  const [key] = present;
  if (key === undefined) return { problem: `has none of ${versionKeys.join(', ')}`, key: '' };
  if (present.length > 1) return { problem: `has ${present.join(' and ')}; one decides the format`, key };
  const version = template[key];
  if (typeof version !== 'string') return { problem: 'must be a text', key };
  if (key === 'heat_template_version')
    return hotDialect(version) ?? unknown(key, version, [...hotDates, ...Object.keys(hotNames)]);
  const known = key === 'HeatTemplateFormatVersion' ? '2012-12-12' : '2010-09-09';
  return version === known ? cfnDialect(key, version) : unknown(key, version, [known]);
}

function unknown(key: string, version: string, known: readonly string[]): { problem: string; key: string } {
  return { problem: `"${version.slice(0, 50)}" is not one of ${known.join(', ')}`, key };
}

function hotDialect(version: string): HeatDialect | undefined {
  const date = Object.hasOwn(hotNames, version) ? hotNames[version] : hotDates.find((known) => known === version);
  if (date === undefined) return undefined;
  const isSince = (since: HotDate): boolean => hotDates.indexOf(date) >= hotDates.indexOf(since);
  const since = (first: HotDate, ...words: string[]): string[] => (isSince(first) ? words : []);
  const functions = Object.entries(hotFunctions).filter(
    ([, [first, last]]) => isSince(first) && (last === undefined || hotDates.indexOf(date) <= hotDates.indexOf(last)),
  );
  return {
    format: 'hot',
    versionKey: 'heat_template_version',
    version,
    sections: new Set([
      'heat_template_version',
      'description',
      'parameter_groups',
      'parameters',
      'resources',
      'outputs',
      ...since('2016-10-14', 'conditions'),
    ]),
    functions: new Set(functions.map(([name]) => name)),
    resourceKeys: new Set([
      'type',
      'properties',
      'metadata',
      'depends_on',
      'deletion_policy',
      'update_policy',
      'description',
      ...since('2016-10-14', 'external_id', 'condition'),
    ]),
    parameterKeys: new Set([
      'type',
      'description',
      'default',
      'schema',
      'constraints',
      'hidden',
      'label',
      'immutable',
      ...since('2018-03-02', 'tags'),
    ]),
    parameterTypes: new Set(['string', 'number', 'comma_delimited_list', 'json', 'boolean']),
    outputKeys: new Set(['description', 'value', ...since('2016-10-14', 'condition')]),
    constraintKeys: new Set([
      'description',
      'length',
      'range',
      'allowed_values',
      'allowed_pattern',
      'custom_constraint',
      ...since('2017-02-24', 'modulo'),
    ]),
  };
}

function cfnDialect(versionKey: string, version: string): HeatDialect {
  const isAws = versionKey === 'AWSTemplateFormatVersion';
  const only = (...words: string[]): string[] => (isAws ? words : []);
  return {
    format: 'cfn',
    versionKey,
    version,
    sections: new Set([versionKey, 'Description', 'Mappings', 'Parameters', 'Resources', 'Outputs', ...only('Conditions')]),
    functions: new Set([...cfnFunctions, ...only('Fn::If')]),
    resourceKeys: new Set([
      'Type',
      'Properties',
      'Metadata',
      'DependsOn',
      'DeletionPolicy',
      'UpdatePolicy',
      'Description',
      ...only('Condition'),
    ]),
    parameterKeys: new Set([
      'Type',
      'Default',
      'NoEcho',
      'AllowedValues',
      'AllowedPattern',
      'MaxLength',
      'MinLength',
      'MaxValue',
      'MinValue',
      'Description',
      'ConstraintDescription',
      'Label',
    ]),
    parameterTypes: new Set(['String', 'Number', 'CommaDelimitedList', 'Json', 'Boolean']),
    outputKeys: new Set(['Description', 'Value', ...only('Condition')]),
    constraintKeys: new Set(),
  };
}
