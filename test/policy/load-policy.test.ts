import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { AppError } from '#base/app-error.ts';
import { createCaller, loadPolicy } from '#policy/policy.ts';
import { createPolicyFolder, forbidNothing } from './policy-folder.ts';

const run = promisify(execFile);

async function faultsOf(...files: readonly string[]): Promise<readonly string[]> {
  const error = await loadPolicy({ files, includeDefault: true }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError) || error.code !== 'POLICY_INVALID') throw new Error('no POLICY_INVALID', { cause: error });
  return (error.faults ?? []).map(({ pointer, message }) => `${pointer} ${message}`);
}

describe('files of policies', () => {
  it('are refused with every mistake of every file, each with its line', async () => {
    using folder = createPolicyFolder('// a comment\npermit (principal, action == Action::"blob:downlod", resource);\n');
    const second = folder.write(
      'second.cedar',
      `permit (principal in Role::"amdin", action, resource);
permit (principal, action == Action::"artifact:read", resource) when { resource.colour == "red" };
forbid (principal, action == Action::"artifact:list", resource) when { resource.type == "image" };
forbid (principal, action == Action::"artifact:read", resource) when { resource.name == "a" };
forbid (principal, action, resource) when { resource.properties.hasTag("a") };`,
    );
    const faults = await faultsOf(folder.file, second, join(folder.file, '..', 'absent.cedar'));
    expect(faults[0]).toMatch(/^own\.cedar:2:\d+ .*unrecognized action.*did you mean `Action::"blob:download"`/);
    expect(faults.find((fault) => fault.startsWith('second.cedar:1'))).toMatch(/amdin/);
    expect(faults.find((fault) => fault.startsWith('second.cedar:2'))).toMatch(/`colour`.* not found/);
    expect(faults.find((fault) => fault.startsWith('second.cedar:3'))).toMatch(/`type`.* not found/);
    expect(faults.find((fault) => fault.startsWith('second.cedar:4'))).toMatch(
      /`name`.*not.*guaranteed|optional attribute `name`/,
    );
    expect(faults.find((fault) => fault.startsWith('second.cedar:5'))).toMatch(/`properties`.* not found/);
    expect(faults.at(-1)).toMatch(/absent\.cedar cannot be read: ENOENT/);
  });

  it.each([
    ['no Cedar at all', 'permit (principal, action; nonsense', /^own\.cedar:1:\d+ .*unexpected token/m],
    ['text that is no text', 'permit (\u0000principal, action, resource);', /^own\.cedar:1:\d+ /],
    ['a template', 'permit (principal == ?principal, action, resource);', /is a template/],
    [
      'a property that may not be there',
      'forbid (principal, action == Action::"blob:download", resource) when { resource.properties.getTag("a") == "b" };',
      /own\.cedar:1:\d+ .*tag/,
    ],
    [
      'what can never apply',
      'forbid (principal, action == Action::"job:run", resource is Artifact);',
      /own\.cedar:1:\d+ .*impossible|applicable/,
    ],
    [
      'a member that may not be told',
      'forbid (principal, action == Action::"member:create", resource) when { context.memberProject == "x" };',
      /memberProject/,
    ],
  ])('are refused where they have %s', async (_what, text, expected) => {
    using folder = createPolicyFolder(text);
    expect((await faultsOf(folder.file)).join('\n')).toMatch(expected);
  });

  it('say where they are wrong in characters, also after text that is no ASCII', async () => {
    using folder = createPolicyFolder('// Grüße, 世界 🎉\npermit (principal, action == Action::"nope", resource);');
    expect((await faultsOf(folder.file))[0]).toMatch(/^own\.cedar:2:30 /);
  });

  it('may not call two policies the same, in one file or in two, nor as a shipped one', async () => {
    const named = (id: string) => `@id("${id}") forbid (principal, action == Action::"job:run", resource);\n`;
    using folder = createPolicyFolder(named('one') + named('one') + named('readers-look'));
    const second = folder.write('second.cedar', named('two'));
    const third = folder.write('third.cedar', named('two'));
    expect(await faultsOf(folder.file, second, third)).toEqual(
      ['one', 'readers-look', 'two'].map((id) => `${id} is the id of two policies`).toSorted(),
    );
  });

  it('may be empty, and then change nothing', async () => {
    using folder = createPolicyFolder('// nothing yet\n');
    const policy = await loadPolicy({ files: [folder.file], includeDefault: true });
    const member = createCaller('c', 'p', ['member']);
    expect(policy.allows(member, 'artifact:update', { project: 'p' })).toBe(true);
    expect(policy.allows(member, 'artifact:update', { project: 'q' })).toBe(false);
  });

  it('deny everything where there are none at all', async () => {
    const policy = await loadPolicy({ files: [], includeDefault: false });
    const admin = createCaller('c', 'p', ['admin']);
    expect(policy.allows(admin, 'artifact:list', { project: 'p' })).toBe(false);
  });

  it('name what decided: its id, or where it stands', async () => {
    using folder = createPolicyFolder(
      '\n\nforbid (principal, action == Action::"artifact:yank", resource);\n\n@id("why not") permit (principal, action == Action::"job:run", resource);',
    );
    const policy = await loadPolicy({ files: [folder.file], includeDefault: true });
    const reader = createCaller('c', 'p', ['reader']);
    expect(policy.decide(reader, 'artifact:yank', { project: 'p' })).toMatchObject({
      isAllowed: false,
      policies: ['own.cedar:3'],
    });
    expect(policy.decide(reader, 'job:run', { project: 'p' })).toMatchObject({ isAllowed: true, policies: ['why not'] });
    expect(policy.decide(reader, 'artifact:list', { project: 'p' }).policies).toEqual(['readers-look']);
  });
});

describe('a process whose policies are the shipped ones', () => {
  it('never loads Cedar; one with a file of its own does', async () => {
    using folder = forbidNothing();
    expect(await loadsCedar([])).toBe(false);
    expect(await loadsCedar([folder.file])).toBe(true);
  });

  /** In a process of its own, where nothing else can have loaded it. */
  async function loadsCedar(files: readonly string[]): Promise<boolean> {
    const door = pathToFileURL(join(import.meta.dirname, '../../src/policy/policy.ts')).href;
    const script = `import { createRequire } from 'node:module';
      import { createCaller, loadPolicy } from ${JSON.stringify(door)};
      const policy = await loadPolicy({ files: ${JSON.stringify(files)}, includeDefault: true });
      if (!policy.allows(createCaller('c', 'p', ['reader']), 'artifact:read', { project: 'p' })) throw new Error('denied');
      const loaded = Object.keys(createRequire(import.meta.url).cache);
      console.log(loaded.some((path) => path.includes('cedar-wasm')));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script]);
    return JSON.parse(stdout) as boolean;
  }
});
