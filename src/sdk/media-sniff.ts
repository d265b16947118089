/** What bytes are by their first ones, where that is certain, and whether that contradicts the media type they were declared with. */

interface Signature {
  readonly name: string;
  readonly mediaTypes: readonly string[];
  matches(head: Uint8Array): boolean;
}

/** As much of a blob as `findContradiction` looks at. */
export const sniffBytes = 1024;

/** Formats that always begin with the same bytes: whoever is declared to be one and does not begin so is none. */
const signatures: readonly Signature[] = [
  { name: 'a PNG image', mediaTypes: ['image/png'], matches: begins('89504e470d0a1a0a') },
  { name: 'a JPEG image', mediaTypes: ['image/jpeg'], matches: begins('ffd8ff') },
  { name: 'a GIF image', mediaTypes: ['image/gif'], matches: begins('474946383761', '474946383961') },
  { name: 'a WebP image', mediaTypes: ['image/webp'], matches: (head) => holds(head, 0, 'RIFF') && holds(head, 8, 'WEBP') },
  { name: 'a PDF document', mediaTypes: ['application/pdf'], matches: (head) => Buffer.from(head).indexOf('%PDF-') >= 0 },
  { name: 'a ZIP archive', mediaTypes: ['application/zip', 'application/java-archive'], matches: begins('504b0304', '504b0506') },
  { name: 'gzip data', mediaTypes: ['application/gzip', 'application/x-gzip'], matches: begins('1f8b08') },
  { name: 'bzip2 data', mediaTypes: ['application/x-bzip2'], matches: (head) => holds(head, 0, 'BZh') && hasBzipBlock(head) },
  { name: 'xz data', mediaTypes: ['application/x-xz'], matches: begins('fd377a585a00') },
  { name: 'zstd data', mediaTypes: ['application/zstd'], matches: begins('28b52ffd') },
  { name: 'a 7z archive', mediaTypes: ['application/x-7z-compressed'], matches: begins('377abcaf271c') },
  { name: 'an ELF program', mediaTypes: ['application/x-elf', 'application/x-executable'], matches: begins('7f454c46') },
  { name: 'a Windows program', mediaTypes: ['application/vnd.microsoft.portable-executable'], matches: isWindowsProgram },
  { name: 'WebAssembly', mediaTypes: ['application/wasm'], matches: begins('0061736d') },
  { name: 'an SQLite database', mediaTypes: ['application/vnd.sqlite3'], matches: (head) => holds(head, 0, 'SQLite format 3\0') },
  { name: 'a WOFF font', mediaTypes: ['font/woff'], matches: (head) => holds(head, 0, 'wOFF') },
  { name: 'a WOFF2 font', mediaTypes: ['font/woff2'], matches: (head) => holds(head, 0, 'wOF2') },
  { name: 'FLAC audio', mediaTypes: ['audio/flac'], matches: (head) => holds(head, 0, 'fLaC') },
  { name: 'a qcow2 disk image', mediaTypes: [], matches: begins('514649fb') },
  { name: 'an RPM package', mediaTypes: ['application/x-rpm'], matches: begins('edabeedb') },
];

const textTypes =
  /^(?:text\/.*|application\/(?:json|yaml|x-yaml|xml|javascript|toml|x-sh|sql|graphql|.*\+(?:json|yaml|xml|json-seq))|image\/svg\+xml)$/;
const utf16or32 = /charset="?utf-?(?:16|32)/i;

/** Type and subtype in lower case, without parameters. */
export function essenceOf(mediaType: string): string {
  return (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/**
 * Why bytes that begin like this cannot be of the declared media type; undefined where they may be. Only what is certain: most
 * media types say nothing about the first bytes, and of empty blobs and `application/octet-stream` nothing is known.
 */
export function findContradiction(mediaType: string, head: Uint8Array): string | undefined {
  if (head.length === 0) return undefined;
  const essence = essenceOf(mediaType);
  const declared = signatures.find(({ mediaTypes }) => mediaTypes.includes(essence));
  if (declared?.matches(head) === true) return undefined;
  const found = signatures.find(({ matches }) => matches(head));
  const isWrong = declared !== undefined || (found !== undefined && (textTypes.test(essence) || isOtherMedium(essence, found)));
  if (isWrong) return `is declared as ${essence}, but ${found === undefined ? 'does not begin like that' : `is ${found.name}`}`;
  if (textTypes.test(essence) && !utf16or32.test(mediaType) && !hasWideMark(head) && head.includes(0)) {
    return `is declared as ${essence}, but has bytes that no text has`;
  }
  return undefined;
}

/** A picture that is a program, say; a media type within the same kind may be an alias nobody listed here. */
function isOtherMedium(essence: string, { mediaTypes }: Signature): boolean {
  const medium = /^(image|audio|video|font)\//.exec(essence)?.[0];
  return medium !== undefined && !mediaTypes.some((known) => known.startsWith(medium));
}

function begins(...hex: readonly string[]): (head: Uint8Array) => boolean {
  const starts = hex.map((text) => Buffer.from(text, 'hex'));
  return (head) => starts.some((start) => start.equals(head.subarray(0, start.length)));
}

function holds(head: Uint8Array, offset: number, text: string): boolean {
  return Buffer.from(text, 'latin1').equals(head.subarray(offset, offset + text.length));
}

/** The first block's mark, or that of the end of an empty one. */
function hasBzipBlock(head: Uint8Array): boolean {
  return ['314159265359', '177245385090'].includes(Buffer.from(head.subarray(4, 10)).toString('hex'));
}

function isWindowsProgram(head: Uint8Array): boolean {
  if (!holds(head, 0, 'MZ') || head.length < 64) return false;
  return holds(head, Buffer.from(head).readUInt32LE(60), 'PE\0\0');
}

/** The byte order mark of UTF-16 or UTF-32. */
function hasWideMark(head: Uint8Array): boolean {
  return begins('fffe', 'feff', '0000feff')(head);
}
