/** What the names of an archive's members may be, whatever its format: safe to unpack on any system, and each meaning one file. */
import { foldPath } from '#core/names.ts';

export interface ArchiveLimits {
  readonly members: number;
  /** Of all members unpacked, as the archive says. */
  readonly unpackedBytes: number;
  /** Unpacked to packed, for archives that would unpack to more than `ratioFromBytes`. */
  readonly ratio: number;
  readonly ratioFromBytes: number;
  /** Most that is read: of a ZIP archive's directory, of a tar's headers, of a gzip. */
  readonly readBytes: number;
  /** Most that a gzip is unpacked for its headers: what takes longer would keep a hook past its deadline. */
  readonly inflateBytes: number;
}

export const archiveLimits: ArchiveLimits = {
  members: 100_000,
  unpackedBytes: 64 * 1024 ** 3,
  ratio: 200,
  ratioFromBytes: 32 * 1024 ** 2,
  readBytes: 48 * 1024 ** 2,
  inflateBytes: 512 * 1024 ** 2,
};

export type MemberKind = 'file' | 'folder' | 'link';

interface Member {
  readonly name: string;
  readonly kind: MemberKind;
}

/** Problems of one archive, in words that go on from its name. */
export interface MemberCheck {
  readonly problems: readonly string[];
  /** Nothing further is worth saying. */
  readonly isFull: boolean;
  /** @param target of a link: where it leads, as written */
  add(name: string, kind: MemberKind, target?: string): void;
  refuse(problem: string): void;
  /** What only the whole says: members that lie behind a link. */
  finish(): void;
}

const problemsMax = 10;
const nameUnitsMax = 4096;
/** Of all names together, which are kept until the end: a hundred thousand long paths, and no more than a hook has memory for. */
const namesUnitsMax = 16 * 1024 * 1024;

export function createMemberCheck(): MemberCheck {
  const problems: string[] = [];
  const seen = new Map<string, Member>();
  let nameUnits = 0;
  const refuse = (problem: string): void => {
    if (problems.length < problemsMax) problems.push(problem);
  };
  return {
    problems,
    get isFull() {
      return problems.length >= problemsMax || nameUnits > namesUnitsMax;
    },
    refuse,
    add(name, kind, target) {
      nameUnits += name.length;
      if (nameUnits > namesUnitsMax) return refuse(`has names of more than ${namesUnitsMax} characters together`);
      const problem = nameProblem(name) ?? (target === undefined ? undefined : targetProblem(name, target));
      if (problem !== undefined) return refuse(`its member ${shown(name)} ${problem}`);
      const path = plainPath(name);
      // The folder itself, as tar writes it.
      if (path === '') return;
      const folded = foldPath(path);
      const other = seen.get(folded);
      if (other === undefined) seen.set(folded, { name: path, kind });
      else if (other.kind !== 'folder' || kind !== 'folder') {
        const how =
          other.name === path ? 'stands there twice' : `and ${shown(other.name)} are one file where case does not count`;
        refuse(`its member ${shown(path)} ${how}`);
      }
    },
    finish() {
      const above = membersAbove(seen);
      for (const [folded, { name }] of seen) {
        const found = above.get(folded);
        if (found !== undefined) refuse(`its member ${shown(name)} lies below ${shown(found.name)}, which is a ${found.kind}`);
      }
    },
  };
}

/**
 * For each member that lies below one that is no folder the nearest such, by their folded paths. In the order of a tree, so that
 * deep paths cost no more than flat ones: each is compared with those before it, and none is taken apart.
 */
function membersAbove(seen: ReadonlyMap<string, Member>): ReadonlyMap<string, Member> {
  const found = new Map<string, Member>();
  // Joined, because what replaceAll gives is kept in its many pieces.
  const sorted = [...seen].map(([folded, member]) => ({ folded, member, key: folded.split('/').join('\0') }));
  sorted.sort((a, b) => (a.key < b.key ? -1 : 1));
  const open: { readonly folder: string; readonly blocking: Member | undefined }[] = [];
  for (const { folded, member, key } of sorted) {
    while (open.length > 0 && !key.startsWith(open.at(-1)?.folder ?? '')) open.pop();
    const blocking = open.at(-1)?.blocking;
    if (blocking !== undefined) found.set(folded, blocking);
    open.push({ folder: `${key}\0`, blocking: member.kind === 'folder' ? blocking : member });
  }
  return found;
}

/** Without `./` before and `/` behind, as both formats write folders. */
function plainPath(name: string): string {
  return name
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.')
    .join('/');
}

function nameProblem(name: string): string | undefined {
  if (name === '') return 'has no name';
  if (name.length > nameUnitsMax) return 'has an endless name';
  if (/\p{Cc}/u.test(name)) return 'has a control character in its name';
  if (name.includes('\\')) return 'has a backslash in its name';
  if (name.startsWith('/')) return 'is absolute';
  if (/^[A-Za-z]:/.test(name)) return 'starts with a drive letter';
  return name.split('/').includes('..') ? 'leads out of its folder by ..' : undefined;
}

/** A link may lead up only at its start, and not above the top: behind a name, `..` is wherever another link says. */
function targetProblem(name: string, target: string): string | undefined {
  if (target === '' || /\p{Cc}/u.test(target) || target.includes('\\')) return 'is a link with a target that is none';
  if (target.startsWith('/') || /^[A-Za-z]:/.test(target)) return 'is a link to an absolute path';
  const steps = target.split('/').filter((segment) => segment !== '' && segment !== '.');
  const up = steps.findIndex((segment) => segment !== '..');
  const ups = up < 0 ? steps.length : up;
  if (steps.slice(ups).includes('..')) return 'is a link that leads down and up again';
  return ups > plainPath(name).split('/').length - 1 ? 'is a link that leads out of the archive' : undefined;
}

/** As JSON, short, with nothing invisible: it may be hostile. */
export function shown(name: string): string {
  const text = JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
  return text.replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
