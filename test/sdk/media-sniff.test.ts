import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findContradiction, sniffBytes } from '#sdk/sdk.ts';
import { zip } from './archives.ts';

const bytes = (hex: string): Buffer => Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(64)]);
const elf = bytes('7f454c46020101');
const png = bytes('89504e470d0a1a0a');

describe('bytes that contradict their media type', () => {
  it.each<[string, Buffer, string]>([
    ['image/png', elf, 'is declared as image/png, but is an ELF program'],
    ['IMAGE/PNG; q="1"', elf, 'is declared as image/png, but is an ELF program'],
    ['image/png', Buffer.from('text'), 'does not begin like that'],
    ['image/jpeg', png, 'is a PNG image'],
    ['image/x-whatever', elf, 'is an ELF program'],
    ['video/mp4', zip([]), 'is a ZIP archive'],
    ['text/plain', elf, 'is an ELF program'],
    ['text/html', bytes('1f8b08'), 'is gzip data'],
    ['application/json', png, 'is a PNG image'],
    ['application/ld+json', png, 'is a PNG image'],
    ['image/svg+xml', png, 'is a PNG image'],
    ['text/plain', Buffer.from('a\0b'), 'bytes that no text has'],
    ['application/zip', Buffer.from('Rar!'), 'does not begin like that'],
    ['application/pdf', elf, 'is an ELF program'],
    ['application/wasm', elf, 'is an ELF program'],
  ])('are found: %s', (mediaType, head, words) => {
    expect(findContradiction(mediaType, head)).toContain(words);
  });

  it.each<[string, Buffer]>([
    ['image/png', png],
    ['application/octet-stream', elf],
    ['application/vnd.unknown', elf],
    ['application/zip', zip([])],
    ['application/vnd.oasis.opendocument.text', zip([{ name: 'a' }])],
    ['image/vnd.alias-of-png', png],
    ['text/plain', Buffer.from('MZ is no program, and BZh no archive')],
    ['text/plain; charset=utf-16le', Buffer.from('text', 'utf16le')],
    ['text/plain', Buffer.from('\ufefftext', 'utf16le')],
    ['application/pdf', Buffer.from('\n\n%PDF-1.7')],
    ['image/png', Buffer.alloc(0)],
    ['application/x-tar', Buffer.alloc(1024)],
  ])('are not seen where there may be none: %s', (mediaType, head) => {
    expect(findContradiction(mediaType, head)).toBeUndefined();
  });

  it('are looked for in any bytes without a fault of its own', () => {
    const types = fc.constantFrom('image/png', 'text/plain', 'application/json', 'video/x', 'application/octet-stream', '', ';');
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: sniffBytes }), (mediaType, head) => {
        const found = findContradiction(mediaType, head);
        expect(found === undefined || found.startsWith('is declared as ')).toBe(true);
      }),
    );
  });
});
