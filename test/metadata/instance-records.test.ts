import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { instanceRecords } from '#metadata/metadata.ts';
import { createTestDatabase } from '#test/support/database.ts';

describe('the instance of a database', () => {
  it('is the first that claims it, for all nodes that start at once', async () => {
    await using test = await createTestDatabase();
    const nodes = Array.from({ length: 6 }, () => ({ id: randomUUID(), keyFingerprint: randomUUID() }));
    const claimed = await Promise.all(nodes.map((node) => instanceRecords.claimInstance(test.db, node)));
    expect(new Set(claimed.map(({ id }) => id)).size).toBe(1);
    expect(nodes).toContainEqual(claimed[0]);
  });
});

describe('a store', () => {
  it('keeps the id and the kind that it was first claimed with', async () => {
    await using test = await createTestDatabase();
    const first = { name: 'default', storeId: randomUUID(), kind: 'filesystem' };
    expect(await instanceRecords.findStore(test.db, 'default')).toBeUndefined();
    expect(await instanceRecords.claimStore(test.db, first)).toEqual(first);
    expect(await instanceRecords.claimStore(test.db, { ...first, storeId: randomUUID(), kind: 's3' })).toEqual(first);
    expect(await instanceRecords.findStore(test.db, 'default')).toEqual(first);
  });
});

describe('type versions', () => {
  const image = { type: 'image', version: '1.0', digest: 'a' };
  const bundle = { type: 'bundle', version: '1.0', digest: 'b' };

  it('are noted once, and told apart where their digest changed', async () => {
    await using test = await createTestDatabase();
    expect(await instanceRecords.claimTypeVersions(test.db, [image, bundle])).toEqual([]);
    expect(await instanceRecords.claimTypeVersions(test.db, [image, { ...image, version: '2.0' }])).toEqual([]);
    expect(await instanceRecords.claimTypeVersions(test.db, [{ ...image, digest: 'x' }, bundle])).toEqual([image]);
  });

  it('are claimed by nodes that start at once with the same types in any order', async () => {
    await using test = await createTestDatabase();
    const claims = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? [image, bundle] : [bundle, image]));
    const changed = await Promise.all(claims.map((versions) => instanceRecords.claimTypeVersions(test.db, versions)));
    expect(changed.flat()).toEqual([]);
    const [row] = await test.db.query<{ count: number }>({ text: 'SELECT count(*) FROM type_version' });
    expect(row?.count).toBe(2);
  });
});
