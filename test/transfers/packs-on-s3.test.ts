import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArtifact } from '#ops/create-artifact.ts';
import { getArtifact } from '#ops/get-artifact.ts';
import { reconcileStores } from '#ops/reconcile-stores.ts';
import { minioBinary, startMinio } from '#test/support/minio.ts';
import type { S3Server } from '#test/support/s3-server.ts';
import { mustSkip } from '#test/support/suites.ts';
import { startUploadNodes, type UploadNodes, untroubledRun } from '#test/support/upload-nodes.ts';
import { blobFile, tarOf } from './tar-blocks.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(mustSkip('s3', minioBinary === undefined ? ['MinIO'] : []))('packs on a real bucket', () => {
  let minio: S3Server;
  let cluster: UploadNodes;
  beforeAll(async () => {
    minio = await startMinio();
    cluster = await startUploadNodes(2, { ...minio.storeConfig('packs'), name: 'bucket' });
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await minio[Symbol.asyncDispose]();
  });

  it('are taken by two nodes at once, the same bytes among them, and leave no object that nobody knows', async () => {
    const shared = Array.from({ length: 5 }, () => randomBytes(3000));
    const wrong = blobFile('docs/wrong', 'w', { 'VITRINE.sha256': '0'.repeat(64) });
    const answers = await Promise.all(
      cluster.nodes.map(async ({ url, context }, index) => {
        const { id } = await createArtifact(context, { type: 'kit' });
        const own = randomBytes(300_000);
        const order = index === 0 ? shared : shared.toReversed();
        const tar = tarOf(...order.map((bytes, at) => blobFile(`docs/${at}`, bytes)), wrong, blobFile('main', own));
        const init = { method: 'POST', body: new Uint8Array(tar), headers: { 'content-type': 'application/x-tar' } };
        const response = await fetch(`${url}/api/v1/artifacts/${id}/packs`, init);
        const { members } = (await response.json()) as { members: readonly { problem?: { code: string } }[] };
        expect(members.map(({ problem }) => problem?.code)).toEqual([
          ...[undefined, undefined, undefined, undefined, undefined],
          ...['BLOB_DIGEST_MISMATCH', undefined],
        ]);
        const { slots } = await getArtifact(context, { id });
        expect(slots.map((entry) => entry.sha256).sort()).toEqual([...order, own].map(sha256).sort());
        return response.status;
      }),
    );
    expect(answers).toEqual([201, 201]);
    const [node] = cluster.nodes;
    if (node === undefined) throw new Error('there is no node');
    const report = await reconcileStores(node.services, { repair: true, strayAgeMs: 0 }, untroubledRun);
    expect(report.stores[0]).toMatchObject({ objects: 7, rows: 7, strays: { count: 0 }, damaged: { count: 0 } });
  });
});
