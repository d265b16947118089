import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createPolicyFolder } from '../policy/policy-folder.ts';
import { runVitrine } from './run-command.ts';

const restricted = `@id("stays-at-home") forbid (principal, action == Action::"blob:download", resource)
  when { resource.properties.hasTag("restricted") && resource.properties.getTag("restricted") == "true" }
  unless { resource.project == principal.project };`;

describe('vitrine policy check', () => {
  it('says that files are good', async () => {
    using folder = createPolicyFolder(restricted);
    const { code, out } = await runVitrine(['policy', 'check', folder.file]);
    expect([code, out]).toEqual([0, `good: the shipped policies, ${folder.file}\n`]);
    expect((await runVitrine(['policy', 'check'])).out).toBe('good: the shipped policies\n');
  });

  it('says every mistake with its place, and ends with a code', async () => {
    using folder = createPolicyFolder('permit (principal, action == Action::"x", resource);\nforbid (principal, action');
    const second = folder.write('second.cedar', 'permit (principal, action == Action::"artifact:red", resource);');
    const { code, err } = await runVitrine(['policy', 'check', folder.file, second]);
    expect(code).toBe(2);
    expect(err).toMatch(/own\.cedar:2:\d+/);
    expect(err).toMatch(/second\.cedar:1:\d+: .*did you mean `Action::"artifact:read"`/);
    const { code: asJson, err: json } = await runVitrine(['policy', 'check', second, '--json']);
    expect([asJson, JSON.parse(json)]).toMatchObject([2, { error: { code: 'POLICY_INVALID' } }]);
  });

  it('checks what a server with this configuration would run with', async () => {
    using folder = createPolicyFolder(restricted);
    const config = folder.write('vitrine.yaml', 'policy: { files: [own.cedar], includeDefault: false }');
    const { out } = await runVitrine(['policy', 'check', '--config', config, '--json']);
    expect(JSON.parse(out)).toEqual({ files: [folder.file], includeDefault: false });
    folder.write('own.cedar', 'nonsense');
    expect((await runVitrine(['policy', 'check', '--config', config])).code).toBe(2);
    expect(dirname(config)).toBe(dirname(folder.file));
  });
});

describe('vitrine policy explain', () => {
  const download = ['policy', 'explain', '--action', 'blob:download', '--role', 'member', '--project', 'red'];

  it('names the shipped policies that permit, or that nothing does', async () => {
    expect((await runVitrine(download)).out).toBe('allowed: blob:download\n  by members-download\n');
    const denied = await runVitrine(['policy', 'explain', '--action', 'artifact:delete', '--role', 'member', '--owner', 'blue']);
    expect([denied.code, denied.out]).toEqual([0, 'denied: artifact:delete\n  by nothing permits it\n']);
  });

  it('asks the policies of the operator about an artifact as it is described', async () => {
    using folder = createPolicyFolder(restricted);
    const ask = async (...more: readonly string[]) => {
      const { out } = await runVitrine([...download, '--policy-files', folder.file, '--json', ...more]);
      return JSON.parse(out);
    };
    const denied = { action: 'blob:download', allowed: false, policies: ['stays-at-home'], failed: false };
    expect(await ask('--owner', 'blue', '--property', 'restricted=true')).toEqual(denied);
    expect(await ask('--owner', 'blue', '--property', 'restricted=a=b')).toMatchObject({ allowed: true });
    expect(await ask('--property', 'restricted=true')).toMatchObject({ allowed: true });
  });

  it('tells policies the names of roles as a server does, in lower case', async () => {
    using folder = createPolicyFolder(`@id("cooks") permit (principal, action == Action::"job:run", resource)
      when { principal.roleNames.contains("head_cook") };`);
    const ask = ['policy', 'explain', '--action', 'job:run', '--policy-files', folder.file, '--role-name'];
    expect((await runVitrine([...ask, 'Head_Cook'])).out).toBe('allowed: job:run\n  by cooks\n');
    expect((await runVitrine([...ask, 'cook'])).out).toContain('denied');
  });

  it('wants to know whose share it is, and roles that there are', async () => {
    const answer = ['policy', 'explain', '--action', 'member:update', '--role', 'member', '--owner', 'blue'];
    expect((await runVitrine(answer)).code).toBe(2);
    expect((await runVitrine([...answer, '--member', 'default'])).out).toContain('members-answer-shares');
    expect((await runVitrine([...download, '--role', 'auditor'])).err).toContain('--role-name');
    expect((await runVitrine(['policy', 'explain', '--action', 'blob:upload', '--property', '=x'])).code).toBe(2);
    expect((await runVitrine(['policy', 'explain', '--action', 'blob:burn'])).code).toBe(2);
  });
});

describe('vitrine policy schema', () => {
  it('prints a schema under which policies of every action are checked', async () => {
    const { out } = await runVitrine(['policy', 'schema']);
    expect(out).toContain('entity Role enum ["reader", "member", "admin", "service"];');
    expect(out).toContain('action "blob:download" appliesTo { principal: Caller, resource: Artifact };');
  });
});
