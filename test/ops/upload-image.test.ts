import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { armFailpoints } from '#base/failpoint.ts';
import { openBlobs } from '#blobs/blobs.ts';
import type { StoreObservation } from '#blobs/checked-store.ts';
import type { Artifact } from '#core/artifact.ts';
import { claimStores } from '#ops/claim-stores.ts';
import type { OpContext } from '#ops/context.ts';
import { type CreateArtifactInput, createArtifact } from '#ops/create-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { openBlob } from '#ops/open-blob.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { uploadImage } from '#ops/upload-image.ts';
import { judgeBytes } from '#test/support/judge-bytes.ts';
import { actAs, createTestNode, type Node, outcome } from '#test/support/operations.ts';

let node: Node;
let own: OpContext;
let other: OpContext;
beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
  other = actAs(await node.second(), 'own');
});
afterAll(() => node[Symbol.asyncDispose]());
afterEach(() => armFailpoints('none:none=fail'));

const draft = (input: Partial<CreateArtifactInput> = {}): Promise<Artifact> => createArtifact(own, { type: 'kit', ...input });

const upload = (context: OpContext, id: string, bytes: Uint8Array = randomBytes(5_000), store?: string): Promise<Artifact> =>
  uploadImage(context, {
    ...{ id, type: 'kit', slot: 'main', needs: [], source: Readable.from([bytes]), expectedBytes: bytes.length, store },
    onAccepted: () => undefined,
  });

/** Nothing refers to what is not there, nothing is there that nobody refers to, and no session is left. */
async function expectSound(): Promise<void> {
  expect(await node.services.db.query({ text: 'SELECT id, state FROM upload_session' })).toEqual([]);
  expect(await judgeBytes(node.services.db, node.storeFolder)).toMatchObject({ broken: [], garbage: [] });
}

describe('an upload that publishes', () => {
  it.each(['upload:begin', 'upload:begun', 'upload:received', 'upload:attach', 'upload:commit', 'publish:commit'])(
    'leaves the draft as it was when it fails at %s, and comes out right when it is tried again',
    async (point) => {
      for (const bytes of [randomBytes(3_000), Buffer.from('bytes that are known from the second time on')]) {
        const { id, revision } = await draft();
        armFailpoints(`${point}=fail`);
        await expect(upload(own, id, bytes)).rejects.toThrow(point);
        expect(await getArtifact(own, { id })).toMatchObject({ state: 'draft', slots: [], revision });
        await expectSound();
        expect(await upload(own, id, bytes)).toMatchObject({ state: 'active', slots: [{ sizeBytes: bytes.length }] });
        await expectSound();
      }
    },
  );

  it('is done when only its answer is lost', async () => {
    const { id } = await draft();
    armFailpoints('upload:attached=fail');
    await expect(upload(own, id)).rejects.toThrow('upload:attached');
    expect(await getArtifact(own, { id })).toMatchObject({ state: 'active' });
    await expectSound();
  });

  it('is one of many at once, on two nodes, and the others leave nothing', async () => {
    const { id } = await draft();
    const contexts = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? own : other));
    const outcomes = await Promise.all(contexts.map((context) => outcome(upload(context, id))));
    expect(outcomes.filter((result) => result === 'ok')).toHaveLength(1);
    expect(new Set(outcomes)).toEqual(new Set(['ok', 'UPLOAD_BUSY', 'STATE_CONFLICT'].filter((code) => outcomes.includes(code))));
    await expectSound();
  });

  it('goes on through changes that come between', async () => {
    const { id } = await draft();
    const changes = Array.from({ length: 5 }, (_, index) => updateArtifact(other, { id, addTags: [`tag-${index}`] }));
    const [published] = await Promise.all([upload(own, id), ...changes]);
    expect(published.state).toBe('active');
    const { tags } = await getArtifact(own, { id });
    expect(tags).toEqual([0, 1, 2, 3, 4].map((index) => `tag-${index}`));
    await expectSound();
  });

  it('loses no bytes to others who change the draft without end', async () => {
    const { id } = await draft();
    let isOver = false;
    const changing = Array.from({ length: 6 }, async (_, index) => {
      for (let isOn = true; !isOver; isOn = !isOn) {
        const tags = [`tag-${index}`];
        await updateArtifact(index % 2 === 0 ? own : other, { id, ...(isOn ? { addTags: tags } : { removeTags: tags }) });
      }
    });
    const published = await upload(own, id).finally(() => {
      isOver = true;
    });
    expect(published.state).toBe('active');
    await Promise.all(changing);
    await expectSound();
  });

  it('gives a version to one of several drafts that want it, whatever they hold', async () => {
    const bytes = randomBytes(100);
    const drafts = await Promise.all([1, 2, 3, 4].map(() => draft({ name: 'wanted', version: '1.0.0' })));
    const outcomes = await Promise.all(
      drafts.map(({ id }, index) => outcome(upload(index % 2 === 0 ? own : other, id, index < 2 ? bytes : randomBytes(100)))),
    );
    expect(outcomes.toSorted()).toEqual(['VERSION_EXISTS', 'VERSION_EXISTS', 'VERSION_EXISTS', 'ok']);
    for (const [index, { id }] of drafts.entries()) {
      const isWinner = outcomes[index] === 'ok';
      expect(await getArtifact(own, { id })).toMatchObject({ state: isWinner ? 'active' : 'draft' });
    }
    await expectSound();
  });

  it('finds only what is of its type, and asks for what it needs before it begins', async () => {
    const { id } = await draft();
    const input = { id, slot: 'main', source: Readable.from([]), expectedBytes: 0, store: undefined };
    const refused = (more: { readonly type: string; readonly needs: readonly string[] }): Promise<string> => {
      let isAsked = false;
      const onAccepted = (): void => {
        isAsked = true;
      };
      return outcome(uploadImage(own, { ...input, ...more, onAccepted })).then((code) => `${code} ${isAsked}`);
    };
    expect(await refused({ type: 'image', needs: [] })).toBe('ARTIFACT_NOT_FOUND false');
    expect(await refused({ type: 'kit', needs: ['flavour'] })).toBe('PROPERTIES_INVALID false');
  });
});

describe('bytes that lie in two stores', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-two-stores-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('are read from the one that is preferred, and from the other where that has lost them', async () => {
    await using two = await createTestNode();
    const seen: StoreObservation[] = [];
    const stores = ['one', 'two'].map((name) => ({ name, kind: 'filesystem' as const, path: join(folder, name) }));
    await using blobs = await openBlobs({ stores, defaultStore: 'one' }, { observe: (observation) => seen.push(observation) });
    await claimStores(two.services.db, blobs, crypto.randomUUID());
    const context = actAs({ ...two.services, blobs }, 'own');
    const bytes = randomBytes(1_000);
    const { id } = await createArtifact(context, { type: 'kit' });
    await upload(context, id, bytes);
    const twin = await createArtifact(context, { type: 'kit' });
    await upload(context, twin.id, bytes, 'two');
    const readFrom = async (prefer: readonly string[]): Promise<string | undefined> => {
      seen.length = 0;
      const blob = await openBlob(context, { artifactId: id, slot: 'main', prefer });
      expect(Buffer.from(await blob.read(0, 1_000)).equals(bytes)).toBe(true);
      return seen.find(({ operation }) => operation === 'read')?.store;
    };
    expect(await readFrom([])).toBe('one');
    expect(await readFrom(['two'])).toBe('two');
    expect(await readFrom(['two', 'one'])).toBe('two');
    expect(await readFrom(['one', 'two'])).toBe('one');
    const lost = openBlob(context, { artifactId: id, slot: 'main', prefer: ['one', 'three'] });
    await expect(lost).rejects.toSatisfy((error) => isAppError(error, 'STORE_UNKNOWN'));
    const objects = (await readdir(join(folder, 'two', 'objects'), { recursive: true, withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    );
    for (const entry of objects) await rm(join(entry.parentPath, entry.name));
    expect(await readFrom(['two'])).toBe('one');
  });
});
