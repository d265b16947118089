/** The media types of files that are pushed: those that were said, or a guess that the file itself does not contradict. */
import { open } from 'node:fs/promises';
import { AppError } from '#base/app-error.ts';
import { assertMediaType } from '#core/names.ts';
import type { FoundFile } from './push-files.ts';

type Guessed = Pick<FoundFile, 'path' | 'file' | 'sizeBytes'>;

// A map, for a file may have a name that every object has.
const byEnding: ReadonlyMap<string, string> = new Map([
  ['yaml', 'application/yaml'],
  ['yml', 'application/yaml'],
  ['template', 'application/yaml'],
  ['json', 'application/json'],
  ['txt', 'text/plain'],
  ['md', 'text/markdown'],
  ['sh', 'text/x-shellscript'],
  ['py', 'text/x-python'],
  ['html', 'text/html'],
  ['css', 'text/css'],
  ['js', 'text/javascript'],
  ['xml', 'application/xml'],
  ['png', 'image/png'],
  ['jpg', 'image/jpeg'],
  ['svg', 'image/svg+xml'],
  ['gz', 'application/gzip'],
  ['zip', 'application/zip'],
  ['tar', 'application/x-tar'],
]);
const anyText = 'text/plain';
const anyBytes = 'application/octet-stream';

/** What was said of the file, else a guess. */
export async function chooseMediaType(
  file: Guessed,
  said: Readonly<Record<string, string>>,
  accepted: readonly string[],
): Promise<string> {
  return (Object.hasOwn(said, file.path) ? said[file.path] : undefined) ?? guessMediaType(file, accepted);
}

/**
 * By the file's ending where the slot takes that, else what the slot takes first, else plain bytes. Where the slot takes anything,
 * a file that is not what its ending says (a template of YAML, JSON with comments) is plain text, or plain bytes: a guess of ours
 * is no reason to refuse it.
 */
async function guessMediaType(file: Guessed, accepted: readonly string[]): Promise<string> {
  const guess = byEnding.get(file.path.slice(file.path.lastIndexOf('.') + 1).toLowerCase());
  const takes = (type: string) =>
    accepted.length === 0 || accepted.some((rule) => (rule.endsWith('/*') ? type.startsWith(rule.slice(0, -1)) : rule === type));
  if (guess === undefined || !takes(guess)) return accepted.find((rule) => !rule.endsWith('*')) ?? anyBytes;
  for (const type of [guess, anyText]) if (takes(type) && (await mayBe(file, type))) return type;
  // What the slot takes nothing else for is refused by the server, with the reason.
  return takes(anyBytes) ? anyBytes : guess;
}

/** By what a bundle would refuse at publish. */
async function mayBe({ path, file, sizeBytes }: Guessed, mediaType: string): Promise<boolean> {
  const { claimedText, findContradiction, inspectText, sniffBytes } = await import('#sdk/sdk.ts');
  await using handle = await open(file).catch((cause: Error) => {
    throw new AppError('FILE_UNREADABLE', `${file} cannot be read: ${cause.message}`, { cause });
  });
  const read = async (offset: number, length: number) => {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  };
  if (findContradiction(mediaType, await read(0, Math.min(sniffBytes, sizeBytes))) !== undefined) return false;
  const text = claimedText(mediaType);
  const view = { slot: '', path, mediaType, sizeBytes, sha256: '', read };
  return text === undefined || (await inspectText(view, text)) === undefined;
}

/** `PATH=TYPE`, as of `--media-type`; the type is what can be one, at the end. @throws AppError USAGE, INPUT_INVALID */
export function parseMediaTypes(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, path, type] = /^(.+)=([^=/;\s]+\/[^=/;\s]+(?:\s*;.*)?)$/su.exec(text) ?? [];
      if (path !== undefined && type !== undefined) return [path.normalize('NFC'), assertMediaType(type)];
      throw new AppError('USAGE', `A media type is written path=type/subtype, not ${JSON.stringify(text)}.`);
    }),
  );
}

/** @throws AppError INPUT_INVALID for a path that no file has */
export function assertMediaTypesUsed(
  mediaTypes: Readonly<Record<string, string>>,
  files: readonly Pick<FoundFile, 'path'>[],
): void {
  const paths = new Set(files.map(({ path }) => path));
  const unused = Object.keys(mediaTypes).filter((path) => !paths.has(path));
  if (unused.length === 0) return;
  const faults = unused.map((path) => ({
    pointer: `/mediaTypes/${path.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    message: 'No file has this path.',
  }));
  throw new AppError('INPUT_INVALID', `A media type is said for what is not pushed: ${unused.join(', ')}.`, { faults });
}
