/**
 * Inspection of Heat files that refer to each other: every reference leads to a blob of the artifact or under the alias of a
 * dependency, nested templates are sound, nest no deeper than Heat allows, and never in a circle.
 */
import type { Fault } from '#base/app-error.ts';
import { findCycle } from '#core/dependency-graph.ts';
import { type HeatDocument, type HeatReference, heatReferences, readHeatDocument } from '#core/heat-references.ts';
import { decodeUtf8, readAll } from './blob-text.ts';
import { inspectHeatEnvironment } from './heat-environment.ts';
import { inspectHeatTemplate } from './heat-template.ts';
import type { BlobView } from './sdk.ts';

/** Heat's defaults: max_template_size and max_nested_stack_depth. */
export const heatLimits = {
  templateBytes: 524_288,
  nestedDepth: 5,
  /** Templates and environments of one artifact together: more would keep a hook past its deadline. */
  treeBytes: 8 * 1024 * 1024,
  /** Everything that is read to learn whether it is a template. */
  readBytes: 48 * 1024 * 1024,
} as const;

export type HeatRole = 'template' | 'environment';

export interface HeatTree {
  /** Where to start; each a path of `blobs`. */
  readonly roots: readonly { readonly path: string; readonly role: HeatRole }[];
  readonly blobs: readonly BlobView[];
  /** Of dependencies whose files stand under `<alias>/<path>`. */
  readonly aliases: readonly string[];
}

export interface HeatTreeReport {
  /** Pointers `/slots/<slot>/<path>`; the message says where in the file. */
  readonly faults: readonly Fault[];
  /** The templates and environments that were reached, by path. */
  readonly documents: ReadonlyMap<string, HeatDocument>;
}

interface Edge {
  readonly from: string;
  readonly to: string;
  /** A nested stack; a template that is only fetched as a text nests nothing. */
  readonly isNested: boolean;
}

const versionKeyText = /heat_template_version|HeatTemplateFormatVersion|AWSTemplateFormatVersion/;

export async function inspectHeatTree(tree: HeatTree): Promise<HeatTreeReport> {
  const blobs = new Map(tree.blobs.map((blob) => [blob.path, blob]));
  const documents = new Map<string, HeatDocument>();
  const plain = new Set<string>();
  const judged = new Set<string>();
  const edges = new Map<string, Edge>();
  const faults: Fault[] = [];
  let treeBytesLeft: number = heatLimits.treeBytes;
  let readBytesLeft: number = heatLimits.readBytes;
  const refuse = (path: string, pointer: string, message: string): void => {
    const { slot } = blobs.get(path) ?? { slot: 'files' };
    const where = pointer === '' ? '' : `${pointer}: `;
    faults.push({ pointer: `/slots/${slot}/${path.replaceAll('~', '~0').replaceAll('/', '~1')}`, message: where + message });
  };

  /** The parsed file, once; undefined for one that is no template and need not be. */
  const open = async (path: string, mustBe: HeatRole | undefined): Promise<HeatDocument | undefined> => {
    const known = documents.get(path);
    if (known !== undefined) return known;
    const blob = blobs.get(path);
    if (blob === undefined || (plain.has(path) && mustBe === undefined)) return undefined;
    const fits = blob.sizeBytes <= heatLimits.templateBytes;
    if (fits && blob.sizeBytes > readBytesLeft)
      refuse(path, '', `is one too many: more than ${heatLimits.readBytes} bytes are referred to`);
    const read = await readText(blob, readBytesLeft);
    if (fits) readBytesLeft -= blob.sizeBytes;
    if ('problem' in read) {
      if (mustBe !== undefined) refuse(path, '', read.problem);
    } else if (mustBe !== undefined || versionKeyText.test(read.text)) {
      treeBytesLeft -= blob.sizeBytes;
      if (treeBytesLeft < 0) {
        refuse(path, '', `is one too many: templates and environments are larger than ${heatLimits.treeBytes} bytes together`);
        return undefined;
      }
      const document = readHeatDocument(read.text);
      // A get_file target that looks like a template is walked as one, as heatclient walks it; any other is just a file.
      if (mustBe !== undefined || (document.faults.length === 0 && document.format !== null)) {
        documents.set(path, document);
        return document;
      }
    }
    plain.add(path);
    return undefined;
  };

  const queue: { readonly path: string; readonly role: HeatRole | undefined }[] = [...tree.roots];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { path, role } = next;
    if (judged.has(`${role ?? 'file'} ${path}`)) continue;
    judged.add(`${role ?? 'file'} ${path}`);
    const document = await open(path, role);
    if (document === undefined) continue;
    if (role !== undefined) {
      const found = role === 'template' ? inspectHeatTemplate(document) : inspectHeatEnvironment(document);
      for (const { pointer, message } of found) refuse(path, pointer, message);
      if (found.length > 0) continue;
    }
    const walked = role === 'environment' ? 'environment' : 'template';
    if (judged.has(`walked as ${walked} ${path}`)) continue;
    judged.add(`walked as ${walked} ${path}`);
    for (const reference of heatReferences(document, walked)) {
      const target = targetOf(reference, path, blobs, tree.aliases);
      if (target.kind === 'wrong') refuse(path, reference.pointer, target.message);
      if (target.kind !== 'own') continue;
      const isNested = reference.kind !== 'get_file' && /\.(yaml|template)$/.test(reference.literal);
      edges.set(`${path}\n${target.path}\n${isNested}`, { from: path, to: target.path, isNested });
      queue.push({ path: target.path, role: isNested ? 'template' : undefined });
    }
  }
  inspectShape(tree, [...documents.keys()], [...edges.values()], refuse);
  return { faults, documents };
}

type Target =
  | { readonly kind: 'own'; readonly path: string }
  | { readonly kind: 'dependency' }
  | { readonly kind: 'wrong'; readonly message: string };

function targetOf(
  reference: HeatReference,
  from: string,
  blobs: ReadonlyMap<string, BlobView>,
  aliases: readonly string[],
): Target {
  const shown = JSON.stringify(reference.literal.slice(0, 200));
  const resolved = reference.resolve(from);
  switch (resolved.kind) {
    case 'external':
      return { kind: 'wrong', message: `${shown} is external; add the file to the artifact and refer to it by its path` };
    case 'outside':
      return { kind: 'wrong', message: `${shown} leaves the artifact's tree` };
    case 'path': {
      const { path } = resolved;
      if (blobs.has(path)) return { kind: 'own', path };
      if (aliases.some((alias) => path.startsWith(`${alias}/`))) return { kind: 'dependency' };
      const message = `${shown} is "${path.slice(0, 200)}", which is neither a file of the artifact nor under the alias of a dependency`;
      return { kind: 'wrong', message };
    }
  }
}

async function readText(blob: BlobView, bytesLeft: number): Promise<{ readonly text: string } | { readonly problem: string }> {
  if (blob.sizeBytes > heatLimits.templateBytes) return { problem: `is larger than ${heatLimits.templateBytes} bytes` };
  if (blob.sizeBytes > bytesLeft) return { problem: 'is not read' };
  const bytes = await readAll(blob, heatLimits.templateBytes);
  const text = bytes === undefined ? undefined : decodeUtf8(bytes);
  return text === undefined ? { problem: 'is not UTF-8 text' } : { text };
}

/** Circles, which heatclient walks for ever, and nesting beyond what Heat builds. */
function inspectShape(
  tree: HeatTree,
  paths: readonly string[],
  edges: readonly Edge[],
  refuse: (path: string, pointer: string, message: string) => void,
): void {
  const cycle = findCycle(paths, edges);
  if (cycle !== undefined) {
    refuse(cycle[0] ?? '', '', `refers to itself: ${cycle.join(' → ')}`);
    return;
  }
  const nested = Map.groupBy(
    edges.filter(({ isNested }) => isNested),
    ({ from }) => from,
  );
  for (const { path, role } of tree.roots) {
    const chain = longestNesting(path, nested, new Map());
    // An environment stands beside the stack, not above it.
    const depth = chain.length - 1;
    if (role === 'template' && depth > heatLimits.nestedDepth) {
      refuse(path, '', `nests ${depth} stacks deep, more than ${heatLimits.nestedDepth}: ${chain.join(' → ')}`);
    }
  }
}

type Edges = ReadonlyMap<string, readonly Edge[]>;

function longestNesting(path: string, edges: Edges, known: Map<string, readonly string[]>): readonly string[] {
  const before = known.get(path);
  if (before !== undefined) return before;
  let longest: readonly string[] = [];
  for (const { to } of edges.get(path) ?? []) {
    const chain = longestNesting(to, edges, known);
    if (chain.length > longest.length) longest = chain;
  }
  const own = [path, ...longest];
  known.set(path, own);
  return own;
}
