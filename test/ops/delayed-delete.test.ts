/** A delete with a delay: withdrawn at once, restorable for a while, purged after it; and what meets it on the way. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '#core/artifact.ts';
import { addMember } from '#ops/add-member.ts';
import { collectBlobs } from '#ops/collect-blobs.ts';
import type { OpContext, Services } from '#ops/context.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { getClosure } from '#ops/get-closure.ts';
import { openBlob } from '#ops/open-blob.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { purgeArtifacts } from '#ops/purge-artifacts.ts';
import { resolveReference } from '#ops/resolve-reference.ts';
import { restoreArtifact } from '#ops/restore-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { yankArtifact } from '#ops/yank-artifact.ts';
import { judgeBytes } from '#test/support/judge-bytes.ts';
import { listFailpoints, maintainInChild, quietRun } from '#test/support/maintenance.ts';
import { actAs, createTestNode, type Node, outcome, putText, testSettings } from '#test/support/operations.ts';

const hour = 3_600_000;

let node: Node;
let services: Services;
let own: OpContext;
let stranger: OpContext;
let names = 0;

beforeAll(async () => {
  const storage = { ...testSettings.storage, deleteDelayMs: hour };
  node = await createTestNode({ storage });
  services = node.services;
  own = actAs(services, 'own');
  stranger = actAs(services, 'other');
});
afterAll(() => node[Symbol.asyncDispose]());

const sql = <Row extends object>(text: string, values: readonly unknown[] = []) => services.db.query<Row>({ text }, values);
const purge = () => purgeArtifacts(services, {}, quietRun());
const collect = () => collectBlobs(services, { graceMs: 0 }, quietRun());
const runOut = (id: string) => sql(`UPDATE artifact SET expires_at = now() WHERE id = $1`, [id]);

async function published(text = 'bytes'): Promise<Artifact> {
  names += 1;
  const { id } = await createArtifact(own, { type: 'kit', name: `delayed-${names}`, version: '1.0.0', visibility: 'community' });
  await putText(own, id, 'main', `${text} ${names}`);
  return publishArtifact(own, { id });
}

const read = async (context: OpContext, id: string) => {
  const blob = await openBlob(context, { artifactId: id, slot: 'main' });
  return Buffer.from(await blob.read(0, 100)).toString();
};

describe('a delayed delete', () => {
  it('withdraws the artifact from everybody else, and its bytes from its owner and administrators too', async () => {
    const { id, revision } = await published();
    const deleted = await deleteArtifact(own, { id });
    expect(deleted).toMatchObject({ state: 'pending_delete', revision: revision + 1, expiresAt: expect.any(String) });
    expect(Date.parse(deleted.expiresAt ?? '') - Date.now()).toBeGreaterThan(hour - 60_000);
    expect(await outcome(getArtifact(stranger, { id }))).toBe('ARTIFACT_NOT_FOUND');
    expect(await outcome(read(stranger, id))).toBe('ARTIFACT_NOT_FOUND');
    expect((await getArtifact(own, { id })).state).toBe('pending_delete');
    expect(await outcome(read(own, id))).toBe('ARTIFACT_DELETED');
    expect(await outcome(read(actAs(services, 'ops', 'admin'), id))).toBe('ARTIFACT_DELETED');
    const kinds = await sql<{ kind: string }>('SELECT kind FROM event WHERE subject_id = $1 ORDER BY id DESC LIMIT 1', [id]);
    expect(kinds).toEqual([{ kind: 'artifact.delete.delayed' }]);
  });

  it('is found by its exact version by its owner only, and by no range', async () => {
    const { id, name } = await published();
    await deleteArtifact(own, { id });
    const ref = `own/kit/${name}@1.0.0`;
    expect(await resolveReference(own, { ref })).toMatchObject({
      artifact: { id },
      warnings: [expect.stringContaining('deleted')],
    });
    expect(await outcome(resolveReference(stranger, { ref }))).not.toBe('ok');
    expect(await outcome(resolveReference(own, { ref: `own/kit/${name}` }))).toBe('VERSION_NO_MATCH');
    const closure = await getClosure(own, { ref: id, mode: 'pinned' });
    expect(closure).toMatchObject({ complete: false, problems: [{ kind: 'DEACTIVATED' }] });
  });

  it('refuses every change but the restore', async () => {
    const { id } = await published();
    await deleteArtifact(own, { id });
    const changes = [
      () => deleteArtifact(own, { id }),
      () => yankArtifact(own, { id }),
      () => deactivateArtifact(own, { id }),
      () => updateArtifact(own, { id, addTags: ['t'] }),
      () => addMember(own, { artifactId: id, project: 'other' }),
    ];
    for (const change of changes) expect(await outcome(change())).not.toBe('ok');
    expect((await getArtifact(own, { id })).state).toBe('pending_delete');
  });

  it('keeps the version reserved, and says so to who publishes it again', async () => {
    const { id, name } = await published();
    await deleteArtifact(own, { id });
    const again = await createArtifact(own, { type: 'kit', name: name ?? '', version: '1.0.0' });
    expect(await outcome(publishArtifact(own, { id: again.id }))).toBe('ARTIFACT_DELETED');
    await restoreArtifact(own, { id });
    expect(await outcome(publishArtifact(own, { id: again.id }))).toBe('VERSION_EXISTS');
  });

  it('deletes a draft at once', async () => {
    const { id } = await createArtifact(own, { type: 'kit', name: 'a-draft', version: '1.0.0' });
    expect(await deleteArtifact(own, { id })).toMatchObject({ state: 'deleted' });
    expect(await outcome(restoreArtifact(own, { id }))).toBe('ARTIFACT_NOT_FOUND');
  });
});

describe('a restore', () => {
  it.each(['active', 'deactivated'] as const)('gives back an artifact that was %s as it was, with its bytes', async (state) => {
    const { id, name } = await published('kept');
    if (state === 'deactivated') await deactivateArtifact(own, { id });
    await deleteArtifact(own, { id });
    await collect();
    expect(await restoreArtifact(own, { id, reason: 'by mistake' })).toMatchObject({ state, expiresAt: null });
    expect(await judgeBytes(services.db, node.storeFolder)).toMatchObject({ broken: [] });
    expect(await read(actAs(services, 'own', 'admin'), id)).toMatch(/^kept/);
    const now = await sql('SELECT 1 FROM artifact_name WHERE artifact_id = $1 AND valid_to IS NULL', [id]);
    expect(now).toHaveLength(1);
    if (state === 'active') expect((await resolveReference(own, { ref: `own/kit/${name}` })).artifact.id).toBe(id);
    const trail = await sql<{ action: string; detail: object }>(
      `SELECT action, detail FROM audit WHERE subject_id = $1 ORDER BY id DESC LIMIT 1`,
      [id],
    );
    expect(trail).toEqual([{ action: 'artifact:restore', detail: { reason: 'by mistake' } }]);
  });

  it('is refused for what was not deleted, and to strangers', async () => {
    const { id } = await published();
    expect(await outcome(restoreArtifact(own, { id }))).toBe('STATE_CONFLICT');
    expect(await outcome(restoreArtifact(stranger, { id }))).toBe('FORBIDDEN');
    await deleteArtifact(own, { id });
    expect(await outcome(restoreArtifact(stranger, { id }))).toBe('ARTIFACT_NOT_FOUND');
  });
});

describe('a purge', () => {
  it('deletes for good what is over, and nothing else; the bytes go with the next collection', async () => {
    const [over, waiting] = [await published('over'), await published('waiting')];
    for (const { id } of [over, waiting]) await deleteArtifact(own, { id });
    await runOut(over.id);
    expect(await purge()).toEqual({ purged: 1 });
    expect(await outcome(getArtifact(own, { id: over.id }))).toBe('ARTIFACT_NOT_FOUND');
    expect(await outcome(restoreArtifact(own, { id: over.id }))).toBe('ARTIFACT_NOT_FOUND');
    const [row] = await sql<{ state: string; before: string; digest: string }>(
      'SELECT state, state_before_delete AS before, digest_value AS digest FROM artifact WHERE id = $1',
      [over.id],
    );
    expect(row).toMatchObject({ state: 'deleted', before: 'active', digest: over.digest?.slice(7) });
    const { objects: earlier } = await judgeBytes(services.db, node.storeFolder);
    await collect();
    expect((await judgeBytes(services.db, node.storeFolder)).objects).toHaveLength(earlier.length - 1);
    await restoreArtifact(own, { id: waiting.id });
    expect(await read(own, waiting.id)).toMatch(/^waiting/);
  });

  it('of several processes at once deletes each artifact once, with one event', async () => {
    const second = await node.second();
    const ids = (await Promise.all(Array.from({ length: 20 }, () => published()))).map(({ id }) => id);
    for (const id of ids) await deleteArtifact(own, { id });
    for (const id of ids) await runOut(id);
    const runs = await Promise.all([purge(), purgeArtifacts(second, { concurrency: 3 }, quietRun()), purge()]);
    expect(runs.reduce((sum, { purged }) => sum + purged, 0)).toBe(20);
    const events = await sql(`SELECT 1 FROM event WHERE kind = 'artifact.deleted' AND subject_id = ANY($1)`, [ids]);
    expect(events).toHaveLength(20);
  });

  it('against a restore and a collector: either the artifact is back with its bytes, or it is gone', async () => {
    const tally = { restored: 0, purged: 0 };
    for (let round = 0; round < 25; round += 1) {
      const { id } = await published('raced');
      await deleteArtifact(own, { id });
      await runOut(id);
      const [restored] = await Promise.all([
        new Promise((resolve) => setTimeout(resolve, round % 5)).then(() => outcome(restoreArtifact(own, { id }))),
        purge(),
        collect(),
        collect(),
      ]);
      if (restored === 'ok') {
        tally.restored += 1;
        expect(await read(own, id)).toMatch(/^raced/);
      } else {
        tally.purged += 1;
        expect(restored).toBe('ARTIFACT_NOT_FOUND');
      }
      expect(await judgeBytes(services.db, node.storeFolder)).toMatchObject({ broken: [] });
    }
    expect(tally.restored + tally.purged).toBe(25);
  });

  it('that is killed at any step leaves the artifact deleted or waiting, never half', async () => {
    for (const name of await listFailpoints('purge')) {
      const { id } = await published('killed');
      await deleteArtifact(own, { id });
      await runOut(id);
      const stores = [{ name: 'local', kind: 'filesystem', path: node.storeFolder }] as const;
      const order = { operation: 'purgeArtifacts', databaseUrl: node.databaseUrl, stores, input: {} } as const;
      expect(await maintainInChild({ ...order, failpoints: `${name}=kill` })).toMatchObject({ signal: 'SIGKILL' });
      expect((await getArtifact(own, { id })).state).toBe('pending_delete');
      expect(await purge()).toEqual({ purged: 1 });
    }
  });
});
