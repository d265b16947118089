import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newObjectKey } from '#blobs/blobs.ts';
import { createDraft, createPublished, findKey, hexSha256, put } from './fault-steps.ts';
import { appendTus, createTus } from './fault-tus.ts';
import { openWorld } from './fault-world.ts';
import { judge, settle } from './judge-world.ts';
import { openOutsideFolder } from './outside-store.ts';

describe('the judge of a world', () => {
  it('finds nothing where nothing is wrong, and each thing that is', async () => {
    await using world = await openWorld(openOutsideFolder);
    const bytes = randomBytes(2000);
    const published = await createPublished(world);
    const id = await createDraft(world);
    await put(world, id, 'kept', bytes);
    await settle(world);
    expect(await judge(world)).toEqual([]);

    const key = await findKey(world, hexSha256(bytes));
    await world.store.write(key, randomBytes(2000));
    expect(await judge(world)).toEqual([expect.stringContaining('is not in')]);
    await world.store.remove(key);
    expect(await judge(world)).toEqual([expect.stringContaining('is not in')]);
    await world.store.write(key, bytes);

    const stray = newObjectKey();
    await world.store.write(stray, bytes);
    expect(await judge(world)).toEqual([`an object without a row: ${stray}`]);
    await world.store.remove(stray);

    const upload = { id, path: 'half', bytes: randomBytes(2000), chunkBytes: 1000 };
    await createTus(world, upload);
    await appendTus(world, upload);
    expect(await judge(world)).toEqual([
      expect.stringContaining('left in the database: session'),
      expect.stringContaining('left in the store'),
    ]);
    await settle(world);
    expect(await judge(world)).toEqual([]);

    await world.sql.query({ text: 'DELETE FROM artifact_blob WHERE artifact_id = $1' }, [id]);
    await world.sql.query({ text: `UPDATE artifact SET state = 'deactivated' WHERE id = $1` }, [published]);
    expect(await judge(world)).toEqual([
      expect.stringContaining(`acknowledged and lost: ${id} kept`),
      expect.stringContaining(`published, and is deactivated: ${published}`),
      expect.stringContaining('left in the database: blob'),
    ]);
  }, 60_000);
});
