import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { disk, imageBlob, qcow2 } from '#test/sdk/image-formats/images.ts';
import { loadTypes } from '#types/load-types.ts';
import type { RunnableHooks, TypeRegistry } from '#types/type-registry.ts';
import { hookArtifact } from './type-folder.ts';

let types: TypeRegistry;
let hooks: RunnableHooks;

beforeAll(async () => {
  types = await loadTypes({ folders: [join(import.meta.dirname, '../../artifact-types')] });
  ({ hooks } = types.get('image'));
});
afterAll(() => types[Symbol.asyncDispose]());

/** An image as publish shows it to the hooks, and how often its bytes were asked for. */
function image(bytes: Uint8Array, diskFormat: string) {
  const blob = imageBlob(bytes);
  const view = { ...blob, sha256: createHash('sha256').update(bytes).digest('hex') };
  const properties = { disk_format: diskFormat, container_format: 'bare' };
  const artifact = hookArtifact({ type: 'image', typeVersion: '2', properties, blobs: [view] });
  return {
    reads: blob.reads,
    derive: () => hooks.derive(artifact),
    reasons: async () => (await hooks.inspectBlobs(artifact)).map(({ reason }) => reason),
  };
}

describe('the hooks of an image', () => {
  it('look at the bytes once for both questions', async () => {
    const { reads, reasons, derive } = image(qcow2(), 'qcow2');
    expect(await reasons()).toEqual([]);
    const before = reads();
    expect(before).toBeGreaterThan(0);
    expect(await derive()).toEqual({ virtual_size: 1_048_576 });
    expect(reads()).toBe(before);
  });

  it('judge the same bytes by each declaration, and other bytes for themselves', async () => {
    expect(await image(qcow2(), 'vmdk').reasons()).toEqual(['format-mismatch']);
    expect(await image(qcow2(), 'qcow2').reasons()).toEqual([]);
    expect(await image(qcow2(), 'raw').derive()).toEqual({ virtual_size: qcow2().length });
    expect(await image(disk({ 0: 'other' }), 'qcow2').reasons()).toEqual(['format-mismatch']);
  });

  it('look again when many others came between', async () => {
    const first = image(disk({ 0: 'first' }), 'raw');
    const size = disk({ 0: 'first' }).length;
    expect(await first.derive()).toEqual({ virtual_size: size });
    const before = first.reads();
    for (let count = 0; count < 64; count += 1) await image(disk({ 0: `other ${count}` }), 'raw').derive();
    expect(await first.derive()).toEqual({ virtual_size: size });
    expect(first.reads()).toBeGreaterThan(before);
  });
});
