import { describe, expect, it } from 'vitest';
import { decodeUtf8, readAll } from '#sdk/sdk.ts';
import { blobView } from '#test/types/type-folder.ts';

describe('reading a blob', () => {
  it('asks for at most 1 MiB at once and gives all bytes in order', async () => {
    const bytes = new Uint8Array(2 * 1024 * 1024 + 5).map((_, index) => index % 253);
    const lengths: number[] = [];
    const blob = blobView('a', bytes);
    const read = await readAll(
      {
        ...blob,
        read: (offset, length) => {
          lengths.push(length);
          return blob.read(offset, Math.min(length, 700_000));
        },
      },
      bytes.length,
    );
    expect(read).toEqual(bytes);
    expect(Math.max(...lengths)).toBe(1024 * 1024);
  });

  it('gives nothing for a blob above the bound, without reading it', async () => {
    const blob = { ...blobView('a', 'abc'), read: () => Promise.reject(new Error('read')) };
    expect(await readAll(blob, 2)).toBeUndefined();
  });

  it('fails rather than waiting for bytes that do not come', async () => {
    const blob = { ...blobView('a', 'abc'), read: async () => new Uint8Array() };
    await expect(readAll(blob, 3)).rejects.toThrowError('a ended after 0 of 3 bytes');
  });
});

describe('text', () => {
  it('is UTF-8 or nothing', () => {
    expect(decodeUtf8(new TextEncoder().encode('\ufeffhé'))).toBe('\ufeffhé');
    expect(decodeUtf8(new Uint8Array([0xc3, 0x28]))).toBeUndefined();
    expect(decodeUtf8(new Uint8Array([0xed, 0xa0, 0x80]))).toBeUndefined();
  });
});
