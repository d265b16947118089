/** Paths that are to be files of one folder: which of them cannot stand beside another, in steps that no depth of a path adds to. */
import { compareCodeUnits } from './canonical-json.ts';
import { foldPath } from './names.ts';

export interface PathSet {
  /** One that differs from another in case only is left out. */
  add(path: string): void;
  remove(path: string): void;
  /** Of the paths that cannot be files beside this one: its twin where case does not count, one above it, one beneath it. */
  clashes(path: string): readonly string[];
}

/** @param initial sorted once, where each that is added later is put in its place among them */
export function createPathSet(initial: readonly string[] = []): PathSet {
  const paths = new Map<string, string>();
  for (const path of initial) {
    const key = toKey(path);
    if (!paths.has(key)) paths.set(key, path);
  }
  // In order: whatever lies beneath a path stands right behind it.
  const keys = [...paths.keys()].toSorted(compareCodeUnits);

  /** Where the first key stands that is not before this one. */
  function find(key: string): number {
    let [low, high] = [0, keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Were there one above the key that is not the key's neighbour, the neighbour would lie beneath it too. */
  function findAbove(key: string): string | undefined {
    for (let below = key; ; ) {
      const neighbour = keys[find(below) - 1];
      if (neighbour === undefined) return undefined;
      if (key.startsWith(`${neighbour}\0`)) return neighbour;
      below = sharedFolder(neighbour, key);
      if (below === '') return undefined;
      if (paths.has(below)) return below;
    }
  }

  function findBeneath(key: string): string | undefined {
    const next = keys[find(`${key}\0`)];
    return next?.startsWith(`${key}\0`) === true ? next : undefined;
  }

  return {
    add(path) {
      const key = toKey(path);
      if (paths.has(key)) return;
      keys.splice(find(key), 0, key);
      paths.set(key, path);
    },
    remove(path) {
      const key = toKey(path);
      if (paths.delete(key)) keys.splice(find(key), 1);
    },
    clashes(path) {
      const key = toKey(path);
      return [key, findAbove(key), findBeneath(key)].flatMap((found) => (found === undefined ? [] : (paths.get(found) ?? [])));
    },
  };
}

/** The first two of them that cannot both be files, in the order of a tree; undefined where all can. */
export function findClashingPaths(paths: readonly string[]): readonly [string, string] | undefined {
  const sorted = paths.map((path) => ({ path, key: toKey(path) })).toSorted((a, b) => compareCodeUnits(a.key, b.key));
  for (const [index, { path, key }] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next !== undefined && (next.key === key || next.key.startsWith(`${key}\0`))) return [path, next.path];
  }
  return undefined;
}

/** The folder's end is before every character that a path may have. */
function toKey(path: string): string {
  return foldPath(path).split('/').join('\0');
}

/** The deepest folder that both lie in; '' where there is none. */
function sharedFolder(one: string, other: string): string {
  let same = 0;
  while (same < one.length && one[same] === other[same]) same += 1;
  return other.slice(0, Math.max(0, other.lastIndexOf('\0', same - 1)));
}
