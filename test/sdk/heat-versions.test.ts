import { describe, expect, it } from 'vitest';
import { heatDialect } from '#sdk/heat-versions.ts';
import { mustSkip } from '#test/support/suites.ts';
import { run } from '#test/support/vitrine-process.ts';

// Debian's own interpreter: the package python3-heat installs for that one.
const python = '/usr/bin/python3';
const hasHeat = (await run(python, ['-c', 'import heat.engine.hot.template']).catch(() => undefined))?.code === 0;

const script = `
import importlib.metadata, json
from heat.engine import parameters
from heat.engine.hot import functions
tables = {}
for entry in importlib.metadata.entry_points(group='heat.templates'):
    key, version = entry.name.split('.', 1)
    found = entry.load()
    removed = getattr(functions, 'Removed', None)
    schema = getattr(found, 'param_schema_class', parameters.Schema)
    tables[entry.name] = {
        'functions': sorted(name for name, made in found.functions.items() if made is not removed),
        'sections': sorted(section for section in found.SECTIONS if section != '__undefined__'),
        'resourceKeys': sorted(found._RESOURCE_KEYS),
        'outputKeys': sorted(found.OUTPUT_KEYS),
        'parameterKeys': sorted(schema.PARAMETER_KEYS),
        'parameterTypes': sorted(schema.TYPES),
    }
print(json.dumps(tables))
`;

describe.skipIf(mustSkip('heat', hasHeat ? [] : ['python3-heat']))('the tables of Heat’s formats', () => {
  it('are those of Heat’s engine library, version by version', async () => {
    const { stdout } = await run(python, ['-c', script]);
    const engine = JSON.parse(stdout) as Record<string, Record<string, string[]>>;
    expect(Object.keys(engine).length).toBeGreaterThanOrEqual(18);
    for (const [name, table] of Object.entries(engine)) {
      const [key = '', version = ''] = name.split('.');
      const dialect = heatDialect({ [key]: version });
      if ('problem' in dialect) throw new Error(`${name}: ${dialect.problem}`);
      // Heat lets the two keys of CloudFormation's format stand for each other's section; a template has its own.
      const other = key === 'AWSTemplateFormatVersion' ? 'HeatTemplateFormatVersion' : 'AWSTemplateFormatVersion';
      const sections = table['sections']?.filter((section) => section !== other);
      const { functions, resourceKeys, outputKeys, parameterKeys, parameterTypes } = dialect;
      const own = { functions, sections: dialect.sections, resourceKeys, outputKeys, parameterKeys, parameterTypes };
      const sorted = Object.fromEntries(Object.entries(own).map(([part, words]) => [part, [...words].sort()]));
      expect({ name, ...sorted }).toEqual({ name, ...table, sections });
    }
  });
});
