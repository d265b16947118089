/** The files of a stack and of what it depends on as one tree, collected by following references from its documents. */
import type { Fault } from '#base/app-error.ts';
import type { ClosureBlob, ClosureNode } from '#core/closure.ts';
import {
  type HeatDocument,
  type HeatReference,
  heatReferences,
  readHeatDocument,
  writeHeatDocument,
} from '#core/heat-references.ts';
import { heatLimits } from '#sdk/sdk.ts';
import { type LocatedClosure, readBlob } from './closure-texts.ts';
import type { OpContext } from './context.ts';
import { nestingFaults } from './heat-nesting.ts';

/** A file by its artifact, where that stands in the tree (`''` or `<alias>/`), and its path in it. */
export interface HeatPlace {
  readonly node: ClosureNode;
  readonly prefix: string;
  readonly path: string;
}

export interface HeatTree {
  /** By key, with references rewritten to keys. */
  readonly files: ReadonlyMap<string, string>;
  readonly faults: readonly Fault[];
  /** The stack's template; what it refers to is added to the files, itself only where something refers to it. */
  addRoot(place: HeatPlace): Promise<string>;
  addEnvironment(place: HeatPlace): Promise<void>;
}

type Role = 'template' | 'environment' | 'file';

/** Files and their keys together: four times what Heat takes as one request, since rewriting may make a file shorter. */
const collectedBytesMax = 4 * 1024 * 1024;
/** A template may have thousands of references that lead nowhere: more than these help nobody. */
const faultsMax = 100;

export function createHeatTree(context: OpContext, located: LocatedClosure): HeatTree {
  const { closure } = located;
  const nodes = new Map(closure.nodes.map((node) => [node.id, node]));
  const edgesByNode = Map.groupBy(closure.edges, ({ from }) => from);
  const texts = new Map<string, string>();
  /** By key, as read, with what was rewritten; undefined for what is not there. Not parsed: documents are large. */
  const originals = new Map<string, Pick<HeatDocument, 'text' | 'edits'> | undefined>();
  const walked = new Set<string>();
  const referred = new Set<string>();
  const nested: { readonly from: string; readonly to: string }[] = [];
  const faults: Fault[] = [];
  let rootKey: string | undefined;
  let bytesLeft = collectedBytesMax;

  const refuse = (key: string, message: string): void => {
    if (faults.length >= faultsMax) return;
    faults.push({ pointer: `/files/${shorten(key).replaceAll('~', '~0').replaceAll('/', '~1')}`, message });
  };

  /** Reads a file and all that it refers to; a stack of our own, for trees that are deep. */
  const collect = async (start: HeatPlace, role: Role): Promise<void> => {
    const queue: { readonly place: HeatPlace; readonly role: Role }[] = [{ place: start, role }];
    for (let next = queue.shift(); next !== undefined && bytesLeft >= 0; next = queue.shift()) {
      const { place } = next;
      const key = keyOf(place);
      const kind = next.role === 'environment' ? 'environment' : 'template';
      // Once as each: a file that was only fetched may be an environment too.
      if (walked.has(`${kind} ${key}`)) continue;
      walked.add(`${kind} ${key}`);
      const document = await open(place, key, next.role);
      if (document === undefined) continue;
      for (const reference of heatReferences(document, kind)) {
        const target = follow(place, reference, key);
        if (target === undefined) continue;
        const targetKey = keyOf(target);
        if (targetKey !== reference.literal) reference.replace(targetKey);
        referred.add(targetKey);
        const isTemplate = reference.kind !== 'get_file' && /\.(yaml|template)$/.test(reference.literal);
        if (isTemplate) nested.push({ from: key, to: targetKey });
        queue.push({ place: target, role: isTemplate ? 'template' : 'file' });
      }
      texts.set(key, writeHeatDocument(document));
    }
  };

  /** Undefined for a file without references. What both roles of a file rewrite comes to stand in one text. */
  const open = async (place: HeatPlace, key: string, role: Role): Promise<HeatDocument | undefined> => {
    if (!originals.has(key)) {
      const text = await readText(place, key);
      texts.set(key, text ?? '');
      originals.set(key, text === undefined ? undefined : { text, edits: new Map() });
    }
    const original = originals.get(key);
    if (original === undefined) return undefined;
    const document = { ...readHeatDocument(original.text), edits: original.edits };
    return isWalked(document, role) ? document : undefined;
  };

  const readText = async (place: HeatPlace, key: string): Promise<string | undefined> => {
    const blob = blobOf(place);
    if (blob === undefined) {
      refuse(key, 'is not there');
      return undefined;
    }
    if (blob.sizeBytes > heatLimits.templateBytes) {
      refuse(key, `is ${blob.sizeBytes} bytes, more than the ${heatLimits.templateBytes} that Heat accepts`);
      return undefined;
    }
    bytesLeft -= blob.sizeBytes + Buffer.byteLength(key);
    if (bytesLeft < 0) return undefined;
    const bytes = await readBlob(context, located, place.node.id, blob);
    if (bytes !== undefined) return toText(bytes);
    refuse(key, 'is in no store');
    return undefined;
  };

  /** The file that a reference means; undefined for a URL, which stays, and for one that leads nowhere, which is a fault. */
  const follow = (from: HeatPlace, reference: HeatReference, key: string): HeatPlace | undefined => {
    const resolved = reference.resolve(from.path);
    if (resolved.kind === 'external') return undefined;
    const target = resolved.kind === 'path' ? find({ ...from, path: resolved.path }) : undefined;
    // Not even written where it is not kept: thousands of long pointers are more than memory.
    if (target === undefined && faults.length < faultsMax) {
      refuse(key, `${shorten(reference.pointer)}: ${JSON.stringify(shorten(reference.literal))} leads to no file`);
    }
    return target;
  };

  /**
   * A path of the artifact's own, or one under the alias of a dependency, whose tree then goes on the same way. The longest alias
   * first, for one may stand in the folder of another; nowhere twice, for such aliases multiply from tree to tree.
   */
  const find = (start: HeatPlace): HeatPlace | undefined => {
    const tried = new Set<string>();
    const left = [start];
    for (let place = left.pop(); place !== undefined; place = left.pop()) {
      if (blobOf(place) !== undefined) return place;
      if (tried.has(`${place.node.id} ${place.path}`)) continue;
      tried.add(`${place.node.id} ${place.path}`);
      left.push(...placesBelow(place));
    }
    return undefined;
  };

  /** The same file under each alias that its path begins with, the longest last. */
  const placesBelow = ({ node, prefix, path }: HeatPlace): readonly HeatPlace[] =>
    (edgesByNode.get(node.id) ?? [])
      .filter(({ alias }) => path.startsWith(`${alias}/`))
      .toSorted((a, b) => a.alias.length - b.alias.length)
      .flatMap(({ alias, to }) => {
        const target = to === null ? undefined : nodes.get(to);
        if (target === undefined) return [];
        return [{ node: target, prefix: `${prefix}${alias}/`, path: path.slice(alias.length + 1) }];
      });

  return {
    get files() {
      const own = [...texts].filter(([key]) => key !== rootKey || referred.has(key));
      return new Map(own);
    },
    get faults() {
      const excess = { pointer: '', message: `refers to more than ${collectedBytesMax} bytes of files and their names` };
      return [...faults, ...(bytesLeft < 0 ? [excess] : nestingFaults(nested, [...texts.keys()]))];
    },
    addRoot: async (place) => {
      rootKey = keyOf(place);
      await collect(place, 'template');
      return texts.get(rootKey) ?? '';
    },
    addEnvironment: async (place) => {
      referred.add(keyOf(place));
      await collect(place, 'environment');
    },
  };
}

function keyOf({ prefix, path }: HeatPlace): string {
  return prefix + path;
}

/** As far as it helps to find it: a pointer, or what stands there, may be nearly as long as its file. */
function shorten(text: string): string {
  return text.length > 2_000 ? `${text.slice(0, 2_000)}…`.toWellFormed() : text;
}

function blobOf({ node, path }: HeatPlace): ClosureBlob | undefined {
  return node.blobs.find((blob) => blob.path === path);
}

/** As heatclient: what is fetched as a file and parses as a template is walked as one. */
function isWalked({ faults, format }: HeatDocument, role: Role): boolean {
  return faults.length === 0 && (role === 'environment' || format !== null);
}

/** Heat takes text only; heatclient sends other bytes as base64 in lines, and the template has to know. */
function toText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return (
      Buffer.from(bytes)
        .toString('base64')
        .match(/.{1,76}/g) ?? []
    )
      .map((line) => `${line}\n`)
      .join('');
  }
}
