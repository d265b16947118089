/** The files of a stack and of what it depends on as one tree, collected by following references from its documents. */
import type { Fault } from '#base/app-error.ts';
import type { ClosureBlob, ClosureEdge, ClosureNode } from '#core/closure.ts';
import { findCycle } from '#core/dependency-graph.ts';
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

export function createHeatTree(context: OpContext, located: LocatedClosure): HeatTree {
  const { closure } = located;
  const nodes = new Map(closure.nodes.map((node) => [node.id, node]));
  const edgesByNode = Map.groupBy(closure.edges, ({ from }) => from);
  const texts = new Map<string, string>();
  const referred = new Set<string>();
  const nested: { readonly from: string; readonly to: string }[] = [];
  const faults: Fault[] = [];
  let rootKey: string | undefined;

  const refuse = (key: string, message: string): void => {
    faults.push({ pointer: `/files/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, message });
  };

  /** Reads a file and all that it refers to; a stack of our own, for trees that are deep. */
  const collect = async (start: HeatPlace, role: Role): Promise<void> => {
    const queue: { readonly place: HeatPlace; readonly role: Role }[] = [{ place: start, role }];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { place } = next;
      const key = keyOf(place);
      if (texts.has(key)) continue;
      const text = await readText(place, key);
      const document = text === undefined ? undefined : documentOf(text, next.role);
      if (document === undefined) {
        texts.set(key, text ?? '');
        continue;
      }
      for (const reference of heatReferences(document, next.role === 'environment' ? 'environment' : 'template')) {
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
    if (target === undefined) refuse(key, `${reference.pointer}: ${JSON.stringify(reference.literal)} leads to no file`);
    return target;
  };

  /** A path of the artifact's own, or one under the alias of a dependency, whose tree then goes on the same way. */
  const find = (place: HeatPlace): HeatPlace | undefined => {
    if (blobOf(place) !== undefined) return place;
    const edge = (edgesByNode.get(place.node.id) ?? []).find(({ alias }: ClosureEdge) => place.path.startsWith(`${alias}/`));
    const node = edge?.to == null ? undefined : nodes.get(edge.to);
    if (edge === undefined || node === undefined) return undefined;
    return find({ node, prefix: `${place.prefix}${edge.alias}/`, path: place.path.slice(edge.alias.length + 1) });
  };

  return {
    get files() {
      const own = [...texts].filter(([key]) => key !== rootKey || referred.has(key));
      return new Map(own);
    },
    get faults() {
      return [...faults, ...nestingFaults(nested, [...texts.keys()])];
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

function blobOf({ node, path }: HeatPlace): ClosureBlob | undefined {
  return node.blobs.find((blob) => blob.path === path);
}

/** As heatclient: what is fetched as a file and parses as a template is walked as one. */
function documentOf(text: string, role: Role): HeatDocument | undefined {
  const document = readHeatDocument(text);
  if (document.faults.length > 0) return undefined;
  return role === 'environment' || document.format !== null ? document : undefined;
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

function nestingFaults(
  nested: readonly { readonly from: string; readonly to: string }[],
  keys: readonly string[],
): readonly Fault[] {
  const cycle = findCycle(keys, nested);
  if (cycle !== undefined) return [{ pointer: '', message: `has templates that nest each other: ${cycle.join(' → ')}` }];
  const targets = Map.groupBy(nested, ({ from }) => from);
  const depths = new Map<string, number>();
  const depthOf = (key: string): number => {
    const known = depths.get(key);
    if (known !== undefined) return known;
    const below = (targets.get(key) ?? []).map(({ to }) => depthOf(to));
    const depth = below.length === 0 ? 0 : 1 + Math.max(...below);
    depths.set(key, depth);
    return depth;
  };
  const deepest = Math.max(0, ...keys.map(depthOf));
  if (deepest <= heatLimits.nestedDepth) return [];
  return [{ pointer: '', message: `nests templates ${deepest} deep, and Heat takes ${heatLimits.nestedDepth}` }];
}
