import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError } from '#base/app-error.ts';
import type { BlobView } from '#sdk/sdk.ts';
import type { HookLimits } from '#types/hook-limits.ts';
import { loadTypes } from '#types/load-types.ts';
import type { RunnableHooks } from '#types/type-registry.ts';
import { blobView, createTypesFolder, hookArtifact } from './type-folder.ts';

interface Loaded extends AsyncDisposable {
  readonly hooks: RunnableHooks;
}

async function load(code: string, hookLimits: Partial<HookLimits> = {}): Promise<Loaded> {
  const folder = createTypesFolder();
  folder.writeType('thing', {
    versions: { 1: { count: { type: 'integer', 'x-system-written': true }, written: { type: 'string' } } },
    hooks: `import { defineHooks, fault, readAll, decodeUtf8 } from 'vitrine/sdk';\nexport default defineHooks({\n${code}\n});`,
  });
  const registry = await loadTypes({ folders: [folder.path], hookLimits });
  return {
    hooks: registry.get('thing').hooks,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const hookFailure = (hook: string, text: string | RegExp) =>
  expect.objectContaining({
    code: 'TYPE_HOOK_FAILED',
    message: expect.stringMatching(text),
    details: { type: 'thing', hook },
  });

describe('hooks', () => {
  it('see each artifact with its own blobs, also those that are inspected one after another', async () => {
    await using thing = await load(`
      async inspectBlob(blob, artifact) {
        if (blob.path === 'crash') throw new Error('crash');
        const first = decodeUtf8(await artifact.blobs[0].read(0, 10));
        return [fault('/slots', decodeUtf8(await blob.read(0, 10)) + ' beside ' + first + ' of ' + artifact.blobs.length)];
      },`);
    const inspectAll = async (names: readonly string[]): Promise<string[]> => {
      const blobs = names.map((name) => blobView(name, `<${name}>`));
      return (await thing.hooks.inspectBlobs(hookArtifact({ blobs }))).map(({ message }) => message);
    };
    expect(await inspectAll(['a', 'b'])).toEqual(['<a> beside <a> of 2', '<b> beside <a> of 2']);
    expect(await inspectAll(['c'])).toEqual(['<c> beside <c> of 1']);
    await expect(inspectAll(['d', 'crash'])).rejects.toThrow('crash');
    expect(await inspectAll(['e', 'f'])).toEqual(['<e> beside <e> of 2', '<f> beside <e> of 2']);
  });

  it('are asked about ten thousand blobs in a time that grows with their number only', async () => {
    await using thing = await load(`inspectBlob: () => [],`);
    const blobs = Array.from({ length: 10_000 }, (_, index) => blobView(`b${index}`, 'x'));
    // Sent along with each call, the blobs of one artifact would be a hundred million.
    expect(await thing.hooks.inspectBlobs(hookArtifact({ blobs }))).toEqual([]);
  });

  it('are asked about many blobs in their order, however they and their time end', async () => {
    const code = `
      async inspectBlob(blob) {
        if (Number(blob.path) % 40 === 0) await new Promise((resolve) => setTimeout(resolve, 80));
        const [first, last] = [await blob.read(0, 1), await blob.read(blob.sizeBytes - 1, 5)];
        return [fault('/slots', blob.path + decodeUtf8(first) + last.length)];
      },`;
    // Each is within its time, all of them together are far beyond it.
    await using thing = await load(code, { deadlineMs: 300, sliceMs: 50 });
    const blobs = Array.from({ length: 300 }, (_, index) => blobView(`${index}`, 'x'.repeat(index % 7 === 0 ? 100_000 : 3)));
    const found = await thing.hooks.inspectBlobs(hookArtifact({ blobs }));
    expect(found.map(({ message }) => message)).toEqual(blobs.map((_, index) => `${index}x1`));
  });

  it('of one blob among many are ended at their deadline', async () => {
    await using thing = await load(`inspectBlob(blob) { while (blob.path === 'b') {} return []; },`, { deadlineMs: 1500 });
    const blobs = [blobView('a', 'x'), blobView('b', 'x'), blobView('c', 'x')];
    await expect(thing.hooks.inspectBlobs(hookArtifact({ blobs }))).rejects.toThrowError(
      hookFailure('inspectBlob', 'longer than 1500 ms'),
    );
    expect(await thing.hooks.inspectBlobs(hookArtifact({ blobs: blobs.slice(2) }))).toEqual([]);
  });

  it('get so many bytes for each of the blobs they inspect, and what it begins with for nothing', async () => {
    const code = `
      async inspectBlob(blob, artifact) {
        const [, times] = blob.path.split('-');
        const large = artifact.blobs.at(-1);
        for (let i = 0; i < Number(times); i++) await large.read(i * 100, 100);
        for (let i = 0; i < 10; i++) await blob.read(0, 100);
        const refused = await blob.read(0, 101).catch((error) => error.message);
        return [fault('/slots', blob.path + ' ' + refused)];
      },`;
    await using thing = await load(code, { readBytes: 100, callBytes: 250 });
    const inspect = async (...names: string[]) =>
      thing.hooks.inspectBlobs(hookArtifact({ blobs: names.map((name) => blobView(name, 'x'.repeat(1000))) }));
    const refusal = 'length 101 is not between 0 and 100';
    expect((await inspect('a-2', 'b-2', 'c-2')).map(({ message }) => message)).toEqual(
      ['a-2', 'b-2', 'c-2'].map((name) => `${name} ${refusal}`),
    );
    await expect(inspect('a-2', 'b-3')).rejects.toThrowError(hookFailure('inspectBlob', 'at most 250 bytes a call'));
  });

  it.each(['hooks.ts', 'hooks.js'])('in %s are a module, whatever the package.json above them says', async (file) => {
    using folder = createTypesFolder();
    folder.write('package.json', { name: 'of-the-author', type: 'commonjs' });
    folder.writeType('thing', { versions: { 1: { written: { type: 'string' } } } });
    folder.write(`thing/words.${file.split('.')[1]}`, `export const bad = 'is bad';`);
    folder.write(
      `thing/${file}`,
      `import { fault } from 'vitrine/sdk';
       import { bad } from './words.${file.split('.')[1]}';
       export default { validate: () => [fault('/written', bad)] };`,
    );
    await using registry = await loadTypes({ folders: [join(folder.path, 'thing')] });
    expect(await registry.get('thing').hooks.validate(hookArtifact())).toEqual([{ pointer: '/written', message: 'is bad' }]);
  });

  it('run in a thread with vitrine/sdk, in a folder anywhere, and answer with faults and values', async () => {
    await using thing = await load(`
      validate(artifact) { return artifact.properties.written === 'bad' ? [fault('/written', 'is bad')] : []; },
      async inspectBlob(blob, artifact) {
        const text = decodeUtf8(await readAll(blob, 100));
        return [fault('/slots/' + blob.slot + '/' + blob.path, text + ' of ' + artifact.blobs.length)];
      },
      derive(artifact) { return { count: artifact.blobs.length }; },
    `);
    expect([...thing.hooks.has]).toEqual(['validate', 'inspectBlob', 'derive']);
    expect(await thing.hooks.validate(hookArtifact({ properties: { written: 'bad' } }))).toEqual([
      { pointer: '/written', message: 'is bad' },
    ]);
    expect(await thing.hooks.validate(hookArtifact())).toEqual([]);
    const blobs = [blobView('a', 'x'), blobView('b', 'y')];
    expect(await thing.hooks.inspectBlobs(hookArtifact({ blobs: [blobView('a', 'héllo'), blobView('b', 'y')] }))).toEqual([
      { pointer: '/slots/files/a', message: 'héllo of 2' },
      { pointer: '/slots/files/b', message: 'y of 2' },
    ]);
    expect(await thing.hooks.derive(hookArtifact({ blobs }))).toEqual({ count: 2 });
    expect(await thing.hooks.beforePublish(hookArtifact())).toEqual([]);
  });

  it('read bytes in parts, of the very blob they were given', async () => {
    const bytes = new Uint8Array(3 * 1024 * 1024).map((_, index) => index % 251);
    await using thing = await load(`
      async derive(artifact) {
        const all = await readAll(artifact.blobs[1], 4 << 20);
        return { count: all.reduce((sum, byte) => (sum * 31 + byte) % 1000003, 7) };
      },
    `);
    const expected = bytes.reduce((sum, byte) => (sum * 31 + byte) % 1_000_003, 7);
    expect(await thing.hooks.derive(hookArtifact({ blobs: [blobView('a', 'x'), blobView('b', bytes)] }))).toEqual({
      count: expected,
    });
  });

  it('answer calls made at the same time each with its own', async () => {
    await using thing = await load('async derive(artifact) { await null; return { count: artifact.properties.n }; },');
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => thing.hooks.derive(hookArtifact({ properties: { n } }))),
    );
    expect(results).toEqual(Array.from({ length: 20 }, (_, n) => ({ count: n })));
  });

  it('are the type’s fault when they throw, and the next call is answered again', async () => {
    await using thing = await load(`validate(artifact) { if (artifact.name === 'x') throw new Error('oh no'); return []; },`);
    await expect(thing.hooks.validate(hookArtifact({ name: 'x' }))).rejects.toThrowError(
      hookFailure('validate', /thing: oh no$/),
    );
    expect(await thing.hooks.validate(hookArtifact())).toEqual([]);
  });

  it('are ended at their deadline and started again', async () => {
    await using thing = await load(`validate(artifact) { while (artifact.name === 'x') {} return []; },`, { deadlineMs: 1500 });
    await expect(thing.hooks.validate(hookArtifact({ name: 'x' }))).rejects.toThrowError(
      hookFailure('validate', 'longer than 1500 ms'),
    );
    expect(await thing.hooks.validate(hookArtifact())).toEqual([]);
  });

  it('are ended when they wait for nothing', async () => {
    await using thing = await load('validate() { return new Promise(() => {}); },', { deadlineMs: 500 });
    await expect(thing.hooks.validate(hookArtifact())).rejects.toThrowError(hookFailure('validate', 'longer than 500 ms'));
  });

  it('are ended when they take too much memory or leave their thread', async () => {
    await using thing = await load(
      `validate(artifact) {
        if (artifact.name === 'exit') process.exit(3);
        const all = [];
        while (artifact.name === 'memory') all.push(new Array(100000).fill({}));
        return [];
      },`,
      { heapMb: 40 },
    );
    await expect(thing.hooks.validate(hookArtifact({ name: 'memory' }))).rejects.toThrowError(hookFailure('validate', /memory/));
    await expect(thing.hooks.validate(hookArtifact({ name: 'exit' }))).rejects.toThrowError(
      hookFailure('validate', /ended its thread/),
    );
    expect(await thing.hooks.validate(hookArtifact())).toEqual([]);
  });

  it('get at most so many bytes at once and in one call', async () => {
    await using thing = await load(
      `async derive(artifact) {
        let count = 0;
        const { step, times } = artifact.properties;
        for (let i = 0; i < times; i++) count += (await artifact.blobs[0].read(i * step, step)).length;
        return { count };
      },`,
      { readBytes: 100, callBytes: 250 },
    );
    const read = (step: number, times: number) =>
      thing.hooks.derive(hookArtifact({ blobs: [blobView('a', 'x'.repeat(1000))], properties: { step, times } }));
    expect(await read(100, 2)).toEqual({ count: 200 });
    expect(await read(50, 5)).toEqual({ count: 250 });
    await expect(read(101, 1)).rejects.toThrowError(hookFailure('derive', 'length 101'));
    await expect(read(100, 3)).rejects.toThrowError(hookFailure('derive', 'at most 250 bytes a call'));
    await expect(read(-1, 1)).rejects.toThrowError(hookFailure('derive', 'length -1'));
  });

  it('are not blamed for a store: its error comes through, its time does not count', async () => {
    await using thing = await load('async derive(artifact) { await artifact.blobs[0].read(0, 1); return { count: 1 }; },', {
      deadlineMs: 700,
    });
    const blob = (read: BlobView['read']): BlobView => ({ ...blobView('a', 'x'), read });
    const slow = blob(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1200));
      return new Uint8Array(1);
    });
    expect(await thing.hooks.derive(hookArtifact({ blobs: [slow] }))).toEqual({ count: 1 });
    const gone = blob(async () => {
      throw new AppError('BLOB_UNAVAILABLE');
    });
    await expect(thing.hooks.derive(hookArtifact({ blobs: [gone] }))).rejects.toThrowError(
      expect.objectContaining({ code: 'BLOB_UNAVAILABLE' }),
    );
    expect(await thing.hooks.derive(hookArtifact({ blobs: [blobView('a', 'x')] }))).toEqual({ count: 1 });
  });

  it('cannot speak for a later call with what an earlier one left running', async () => {
    await using thing = await load(`
      derive(artifact) {
        if (artifact.name === 'first') { setTimeout(() => artifact.blobs[0].read(0, 5), 20); return { count: 1 }; }
        return new Promise((resolve) => setTimeout(() => resolve({ count: 2 }), 200));
      },
    `);
    let reads = 0;
    const watched: BlobView = {
      ...blobView('secret', 'secret'),
      read: async () => {
        reads++;
        return new Uint8Array(1);
      },
    };
    await thing.hooks.derive(hookArtifact({ name: 'first', blobs: [blobView('a', 'x')] }));
    expect(await thing.hooks.derive(hookArtifact({ name: 'second', blobs: [watched] }))).toEqual({ count: 2 });
    expect(reads).toBe(0);
  });

  it.each([
    ['no list', 'validate() { return "all fine"; },'],
    ['a list of texts', 'validate() { return ["a"]; },'],
    ['a fault without a pointer', 'validate() { return [{ message: "a" }]; },'],
    ['a pointer that is none', 'validate() { return [{ pointer: "a", message: "b" }]; },'],
    ['what JSON cannot carry', 'validate() { return [1n]; },'],
  ])('are the type’s fault when they answer with %s', async (_, code) => {
    await using thing = await load(code);
    await expect(thing.hooks.validate(hookArtifact())).rejects.toThrowError(hookFailure('validate', ''));
  });

  it.each([
    ['a property that is not system-written', '{ written: "x" }', /"written", which is not marked/],
    ['a property nobody declared', '{ other: 1 }', /"other"/],
    ['a list', '[1]', /an object/],
    ['a prototype key', 'JSON.parse(\'{"count": {"__proto__": 1}}\')', /__proto__/],
    ['too much', '{ count: "x".repeat(2000000) }', /characters/],
  ])('are the type’s fault when they derive %s', async (_, value, message) => {
    await using thing = await load(`derive() { return ${value}; },`);
    await expect(thing.hooks.derive(hookArtifact())).rejects.toThrowError(hookFailure('derive', message));
  });

  it('stop being waited for when the request ends', async () => {
    await using thing = await load('validate() { return new Promise(() => {}); },', { deadlineMs: 2000 });
    const controller = new AbortController();
    const waiting = thing.hooks.validate(hookArtifact(), controller.signal);
    controller.abort(new Error('gone'));
    await expect(waiting).rejects.toThrowError('gone');
  });

  it('start again after they were ended for idling', async () => {
    await using thing = await load(
      'validate() { globalThis.n = (globalThis.n ?? 0) + 1; return [fault("", String(globalThis.n))]; },',
      {
        idleMs: 50,
      },
    );
    const count = async (): Promise<string | undefined> => (await thing.hooks.validate(hookArtifact()))[0]?.message;
    expect([await count(), await count()]).toEqual(['1', '2']);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await count()).toBe('1');
  });
});

describe('a hooks file', () => {
  async function problem(hooks: string, hookLimits: Partial<HookLimits> = {}): Promise<string> {
    using folder = createTypesFolder();
    folder.writeType('thing', { hooks });
    try {
      await using registry = await loadTypes({ folders: [folder.path], hookLimits });
      return `loaded ${[...registry.types.keys()].join()}`;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return error.faults.map(({ pointer, message }) => `${pointer.replace(folder.path, '')} ${message}`).join();
    }
  }

  it.each([
    ['with a syntax error', 'export default {', /does not load/],
    ['that throws', 'throw new Error("at once");', /does not load: at once/],
    ['without a default export', 'export const hooks = {};', /no default export/],
    ['with a misspelt hook', 'export default { validat() {} };', /"validat", which is no hook/],
    ['with a hook that is no function', 'export default { validate: 5 };', /no function/],
    ['that imports what is not there', 'import "nowhere"; export default {};', /does not load/],
    ['that reads files', 'import { readFileSync } from "node:fs"; export default {};', /may not use node:fs/],
    ['that opens connections', 'import net from "net"; export default {};', /may not use net/],
    ['that starts processes', 'await import("node:child_process"); export default {};', /may not use node:child_process/],
    ['that ends its thread', 'process.exit(0);', /ended its thread/],
    ['that reaches for the network', 'await fetch("http://localhost"); export default {};', /fetch is not/],
  ])('%s stops the load with its reason', async (_, hooks, message) => {
    const found = await problem(hooks);
    expect(found).toMatch(/^\/thing\/hooks\.ts# /);
    expect(found).toMatch(message);
  });

  it('that never ends loading stops the load with its reason', async () => {
    expect(await problem('await new Promise(() => setInterval(() => {}, 1000));', { startMs: 3000 })).toBe(
      '/thing/hooks.ts# did not load within 3000 ms',
    );
  });

  it('is named even when another one before it brings the thread down', async () => {
    using folder = createTypesFolder();
    folder.writeType('a', { hooks: 'process.exit(0);' });
    folder.writeType('b', { hooks: 'export default { validate() { return []; } };' });
    folder.writeType('c', { hooks: 'throw new Error("c");' });
    await expect(loadTypes({ folders: [folder.path] })).rejects.toThrowError(
      expect.objectContaining({
        faults: [
          { pointer: `${folder.path}/a/hooks.ts#`, message: 'ended its thread while it was loaded' },
          { pointer: `${folder.path}/c/hooks.ts#`, message: 'does not load: c' },
        ],
      }),
    );
  });
});
