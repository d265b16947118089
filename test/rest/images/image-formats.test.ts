import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '#base/json.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { be32, disk, iso, luks, mbrParts, qcow2, vdi, vhdDynamic, vhdFixed, vhdx, vmdk } from '#test/sdk/image-formats/images.ts';
import { testSettings } from '#test/support/operations.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';
import { findExecutable, mustSkip } from '#test/support/suites.ts';

const protective = { ...mbrParts([0, 0xee, 1]), 512: 'EFI PART' };

let enforcing: TestServer;
let logging: TestServer;
beforeAll(async () => {
  enforcing = await startTestServer({ graphql: true });
  logging = await startTestServer({ settings: { image: { ...testSettings.image, formatMatch: 'log' } } });
});
afterAll(async () => {
  await enforcing[Symbol.asyncDispose]();
  await logging[Symbol.asyncDispose]();
});

interface Uploaded {
  readonly id: string;
  readonly status: number;
  readonly said: string;
  /** As it is shown afterwards. */
  readonly image: JsonObject;
}

async function upload(server: TestServer, bytes: Uint8Array, properties: JsonObject, typeVersion = '2'): Promise<Uploaded> {
  const blue = await server.tokenFor('blue', 'member');
  const given = { container_format: 'bare', ...properties };
  const { id } = await createArtifact(server.actAs('blue'), { type: 'image', properties: given });
  if (typeVersion !== '2') {
    await server.services.db.query({ text: 'UPDATE artifact SET type_version = $2 WHERE id = $1' }, [id, typeVersion]);
  }
  const headers = { ...blue, 'content-type': 'application/octet-stream' };
  const response = await fetch(`${server.url}/v2/images/${id}/file`, { method: 'PUT', body: Buffer.from(bytes), headers });
  const shown = await fetch(`${server.url}/v2/images/${id}`, { headers: blue });
  return { id, status: response.status, said: await response.text(), image: (await shown.json()) as JsonObject };
}

describe('the size of the disk in an uploaded image', () => {
  it.each([
    ['qcow2', qcow2()],
    ['vmdk', vmdk()],
    ['vhd', vhdDynamic()],
    ['vhd', vhdFixed(disk(protective))],
    ['vhdx', vhdx()],
    ['vdi', vdi()],
    ['iso', iso()],
    ['gpt', disk(protective)],
    ['luks', luks(1)],
    ['raw', Buffer.alloc(5_000)],
    ['aki', Buffer.alloc(700)],
  ])('is found for %s', async (disk_format, bytes) => {
    const { status, image, said } = await upload(enforcing, bytes, { disk_format });
    expect([status, said]).toEqual([204, '']);
    expect(image).toMatchObject({ status: 'active', disk_format, size: bytes.length, virtual_size: expect.any(Number) });
    if (disk_format === 'raw' || disk_format === 'aki') expect(image['virtual_size']).toBe(bytes.length);
  });

  it('is not known inside of another container, where a header does not say it, and in what was written under version 1', async () => {
    for (const container_format of ['compressed', 'ova', 'docker']) {
      const { status, image } = await upload(enforcing, Buffer.from('anything'), { disk_format: 'qcow2', container_format });
      expect(status).toBe(204);
      expect(image).toMatchObject({ status: 'active', virtual_size: null });
    }
    expect((await upload(enforcing, luks(2), { disk_format: 'luks' })).image).toMatchObject({ virtual_size: null });
    expect((await upload(enforcing, qcow2(), { disk_format: 'qcow2' }, '1')).image).toMatchObject({
      status: 'active',
      virtual_size: null,
    });
  });

  it('is not what somebody made up under version 1', async () => {
    const { id } = await upload(enforcing, Buffer.alloc(10), { disk_format: 'raw' }, '1');
    const text = `UPDATE artifact SET properties = properties || '{"virtual_size": "huge"}' WHERE id = $1`;
    await enforcing.services.db.query({ text }, [id]);
    const headers = await enforcing.tokenFor('blue', 'reader');
    expect(await (await fetch(`${enforcing.url}/v2/images/${id}`, { headers })).json()).toMatchObject({ virtual_size: null });
  });

  it('is written by nobody else, and stays when properties are replaced', async () => {
    const act = enforcing.actAs('blue');
    const forged = createArtifact(act, { type: 'image', properties: { disk_format: 'raw', virtual_size: 1 } });
    await expect(forged).rejects.toMatchObject({ code: 'PROPERTY_SYSTEM_WRITTEN' });
    const { id, image } = await upload(enforcing, qcow2(), { disk_format: 'qcow2', hw_disk_bus: 'virtio' });
    const replaceProperties = { disk_format: 'qcow2', os_type: '' };
    const { properties } = await updateArtifact(act, { id, replaceProperties });
    expect(properties).toEqual({ ...replaceProperties, virtual_size: image['virtual_size'] });
  });
});

const formats = { qcow2: qcow2(), vmdk: vmdk(), vhd: vhdDynamic(), vhdx: vhdx(), vdi: vdi(), iso: iso(), raw: Buffer.alloc(9) };

describe('an image that is not what it is declared to be', () => {
  it.each(['qcow2', 'vmdk', 'vhd', 'vhdx', 'vdi', 'iso'] as const)('is refused with 415 as %s', async (declared) => {
    for (const [actual, bytes] of Object.entries(formats)) {
      if (actual === declared) continue;
      const { status, said, image } = await upload(enforcing, bytes, { disk_format: declared });
      expect([actual, status]).toEqual([actual, 415]);
      expect(said).toContain(`is declared as ${declared}, but is ${actual}`);
      expect(image).toMatchObject({ status: 'queued', size: null, virtual_size: null });
    }
  });

  it('is taken and told in the log where the operator wants it so', async () => {
    const { id, status, image } = await upload(logging, formats.vmdk, { disk_format: 'qcow2' });
    expect(status).toBe(204);
    expect(image).toMatchObject({ status: 'active', size: formats.vmdk.length, virtual_size: formats.vmdk.length });
    const lines = logging.logged.filter(({ artifactId }) => artifactId === id);
    expect(lines).toMatchObject([{ level: 40, faults: [{ reason: 'format-mismatch' }] }]);
  });
});

describe('an image that is unsafe', () => {
  it.each([
    ['a backing file', 'backing-file', qcow2({ 8: Buffer.from('0000000000000200', 'hex'), 16: be32(11), 512: '/etc/shadow' })],
    ['an external data file', 'external-data-file', qcow2({ 72: Buffer.from('0000000000000004', 'hex') })],
    ['features nobody knows', 'unknown-features', qcow2({ 72: Buffer.from('0000000000000100', 'hex') })],
    ['a version nobody knows', 'unsupported-version', qcow2({ 4: be32(9) })],
    ['a partition table without a partition', 'no-partition', disk(mbrParts())],
    ['a protective entry elsewhere', 'protective-entry', disk(mbrParts([0, 0xee, 2]))],
    ['two formats', 'several-formats', iso(mbrParts([0x80, 0x83, 2048]))],
  ])('for %s is refused as raw, whatever is only logged', async (_, reason, bytes) => {
    for (const server of [enforcing, logging]) {
      const { status, said, image } = await upload(server, bytes, { disk_format: 'raw' });
      expect([status, said.includes(`(${reason})`)], said).toEqual([415, true]);
      expect(image).toMatchObject({ status: 'queued', size: null });
    }
  });

  it('is refused in a container of another format too', async () => {
    const data = qcow2({ 72: Buffer.from('0000000000000004', 'hex') });
    expect((await upload(enforcing, data, { disk_format: 'qcow2', container_format: 'ovf' })).status).toBe(415);
  });
});

const executable = findExecutable('qemu-img') ?? '';

describe.skipIf(mustSkip('boot', executable === '' ? ['qemu-img'] : []))('an image of qemu-img', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-formats-'));
    writeFileSync(join(folder, 'source'), Buffer.alloc(2 * 1024 ** 2, 'disk'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const qemuImg = (...args: readonly string[]): string =>
    execFileSync(executable, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });

  it.each([
    ['qcow2', 'qcow2'],
    ['vmdk', 'vmdk'],
    ['vhd', 'vpc'],
    ['vhdx', 'vhdx'],
    ['vdi', 'vdi'],
  ])('is taken as %s with the size that qemu-img sees', async (disk_format, driver) => {
    qemuImg('convert', '-f', 'raw', '-O', driver, 'source', driver);
    const info = JSON.parse(qemuImg('info', '--output=json', driver)) as { readonly 'virtual-size': number };
    const { status, image } = await upload(enforcing, readFileSync(join(folder, driver)), { disk_format });
    expect(status).toBe(204);
    expect(image['virtual_size']).toBe(info['virtual-size']);
  });

  it('of terabytes that are not there is small, and known for what it is by both APIs', async () => {
    const size = 3 * 1024 ** 4;
    qemuImg('create', '-f', 'qcow2', 'huge', `${size}`);
    const { id, image } = await upload(enforcing, readFileSync(join(folder, 'huge')), { disk_format: 'qcow2' });
    expect(image['virtual_size']).toBe(size);
    const headers = { ...(await enforcing.tokenFor('blue', 'reader')), 'content-type': 'application/json' };
    const listed = await fetch(`${enforcing.url}/v2/images?virtual_size=${size}`, { headers });
    expect(await listed.json()).toMatchObject({ images: [{ id }] });
    const query = '{ images(first: 5, filter: { virtualSize: { gte: 2000000000000 } }) { nodes { id virtualSize } } }';
    const answered = await fetch(`${enforcing.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
    expect(await answered.json()).toEqual({ data: { images: { nodes: [{ id, virtualSize: size }] } } });
  });

  it('that stands on another is refused', async () => {
    qemuImg('convert', '-f', 'raw', '-O', 'qcow2', 'source', 'base');
    qemuImg('create', '-f', 'qcow2', '-b', 'base', '-F', 'qcow2', 'overlay');
    const { status, said } = await upload(enforcing, readFileSync(join(folder, 'overlay')), { disk_format: 'qcow2' });
    expect([status, said.includes('backing-file')]).toEqual([415, true]);
  });
});
