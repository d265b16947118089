/**
 * The references of Heat templates and environments to other files, found as python-heatclient finds them: `get_file` with a
 * text, `type` with a text that ends in .yaml or .template, and the values of an environment's resource_registry. Rewriting
 * one changes that scalar in the text and nothing else, so what Heat parses is what the author wrote.
 */
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar } from 'yaml';
import type { Fault } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import { type ResolvedPath, resolvePath } from './relative-path.ts';
import { plainScalar, scalarText } from './yaml-scalar.ts';
import { parseYaml } from './yaml-text.ts';
import type { YamlLimits } from './yaml-tokens.ts';

export type HeatFormat = 'hot' | 'cfn';

export interface HeatDocument {
  readonly text: string;
  /** The parsed value; an empty object where the text has faults or is no map. */
  readonly value: JsonObject;
  /** Why the text is no YAML or JSON map. */
  readonly faults: readonly Fault[];
  /** By its version key, as Heat tells a template from any other file; null for what is none. */
  readonly format: HeatFormat | null;
  readonly root: Node | null;
  /** Replacements so far, by where they start in the text. */
  readonly edits: Map<number, Edit>;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface HeatReference {
  readonly literal: string;
  /** JSON Pointer to the value in the document. */
  readonly pointer: string;
  readonly kind: 'get_file' | 'type' | 'registry';
  /** What the literal means in the file at `from`. */
  resolve(from: string): ResolvedPath;
  /** Puts another literal in its place, in what `writeHeatDocument` gives. */
  replace(literal: string): void;
}

export function readHeatDocument(text: string, limits?: YamlLimits): HeatDocument {
  const { value, root, faults } = parseYaml(text, limits);
  const isMapping = isJsonObject(value);
  const shape: readonly Fault[] =
    faults.length > 0 || isMapping || value === null ? faults : [{ pointer: '', message: 'is not a map' }];
  const map = isMapping ? value : {};
  return { text, value: map, faults: shape, format: formatOf(map), root: isMapping ? root : null, edits: new Map() };
}

/** Every reference, in the order of the text. An anchored part that several aliases use is one part, with its references once. */
export function heatReferences(document: HeatDocument, kind: 'template' | 'environment'): HeatReference[] {
  if (document.root === null) return [];
  const walk: Walk = { document, targets: new Map(), aliases: new Map(), found: [] };
  followAliases(document.root, walk, new Map());
  if (kind === 'environment') walkRegistry(document.root, walk);
  else walkTemplate(document.root, '', walk, document.format === 'cfn');
  return walk.found;
}

/** The text with the replacements made so far. */
export function writeHeatDocument(document: HeatDocument): string {
  let text = '';
  let position = 0;
  for (const edit of [...document.edits.values()].sort((a, b) => a.start - b.start)) {
    text += document.text.slice(position, edit.start) + edit.text;
    position = edit.end;
  }
  return text + document.text.slice(position);
}

interface Walk {
  readonly document: HeatDocument;
  /** What each alias stands for; an anchor's name may be used again. */
  readonly targets: Map<Node, Node>;
  /** Uses of an anchored scalar, which keep its old text when it is replaced. */
  readonly aliases: Map<Node, Node[]>;
  readonly found: HeatReference[];
}

function formatOf(value: JsonObject): HeatFormat | null {
  if (Object.hasOwn(value, 'heat_template_version')) return 'hot';
  return Object.hasOwn(value, 'HeatTemplateFormatVersion') || Object.hasOwn(value, 'AWSTemplateFormatVersion') ? 'cfn' : null;
}

function followAliases(node: Node | null, walk: Walk, anchors: Map<string, Node>): void {
  if (node === null) return;
  if (isAlias(node)) {
    const target = anchors.get(node.source);
    if (target === undefined) return;
    walk.targets.set(node, target);
    const known = walk.aliases.get(target);
    if (known === undefined) walk.aliases.set(target, [node]);
    else known.push(node);
    return;
  }
  if ('anchor' in node && typeof node.anchor === 'string') anchors.set(node.anchor, node);
  if (isMap(node)) {
    for (const { key, value } of pairs(node)) {
      followAliases(key, walk, anchors);
      followAliases(value, walk, anchors);
    }
  } else if (isSeq(node)) for (const item of node.items) followAliases(item as Node, walk, anchors);
}

function walkTemplate(node: Node | null, pointer: string, walk: Walk, isCfn: boolean): void {
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) walkTemplate(item as Node, `${pointer}/${index}`, walk, isCfn);
  } else if (isMap(node)) {
    for (const { key, value } of pairs(node)) {
      const name = keyName(key, walk);
      const below = `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const literal = textOf(value, walk);
      if (literal === undefined) walkTemplate(value, below, walk, isCfn);
      else if (name === 'get_file') add(value, literal, below, 'get_file', walk);
      else if (isTemplateName(literal) && (name === 'type' || (isCfn && /^\/Resources\/[^/]+\/Type$/.test(below)))) {
        add(value, literal, below, 'type', walk);
      }
    }
  }
}

/** `resource_registry`, its own entries and those of each resource, but not what names a type, a hook or an action. */
function walkRegistry(root: Node, walk: Walk): void {
  const registry = member(root, 'resource_registry', walk);
  if (registry === undefined) return;
  const base = textOf(member(registry, 'base_url', walk) ?? null, walk) ?? null;
  walkEntries(registry, '/resource_registry', base, walk);
  const resources = member(registry, 'resources', walk);
  if (!isMap(resources)) return;
  for (const { key, value } of pairs(resources)) {
    const entries = isAlias(value) ? walk.targets.get(value) : value;
    const name = keyName(key, walk).replaceAll('~', '~0').replaceAll('/', '~1');
    const own = isMap(entries) ? (textOf(member(entries, 'base_url', walk) ?? null, walk) ?? base) : base;
    if (isMap(entries)) walkEntries(entries, `/resource_registry/resources/${name}`, own, walk);
  }
}

function walkEntries(entries: Node, pointer: string, base: string | null, walk: Walk): void {
  if (!isMap(entries)) return;
  for (const { key, value } of pairs(entries)) {
    const name = keyName(key, walk);
    const literal = textOf(value, walk);
    if (literal === undefined || literal.includes('::') || /^(base_url|hooks|restricted_actions)$/.test(name)) continue;
    add(value, literal, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, 'registry', walk, base);
  }
}

function add(
  node: Node | null,
  literal: string,
  pointer: string,
  kind: HeatReference['kind'],
  walk: Walk,
  base: string | null = null,
): void {
  walk.found.push({
    literal,
    pointer,
    kind,
    // A base_url is an absolute URL (a relative one leads nowhere in heatclient), so what stands on it is no file of the tree.
    resolve: (from) => (base === null ? resolvePath(from, literal) : { kind: 'external' }),
    replace: (next) => {
      if (node !== null) replaceScalar(node, next, walk);
    },
  });
}

function replaceScalar(node: Node, next: string, walk: Walk): void {
  const { edits } = walk.document;
  const before = isScalar(node) ? String(node.source ?? '') : '';
  edits.set(node.range?.[0] ?? 0, editOf(node, next, walk.document.text));
  for (const alias of walk.aliases.get(node) ?? []) {
    const start = alias.range?.[0] ?? 0;
    if (!edits.has(start)) edits.set(start, editOf(alias, before, walk.document.text));
  }
}

/** JSON's quoting is read the same by YAML 1.1; a block scalar's range ends after its line, which stays a line. */
function editOf(node: Node, next: string, text: string): Edit {
  const [start, end] = node.range ?? [0, 0, 0];
  const quoted = JSON.stringify(next)
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029')
    .replaceAll('\u0085', '\\u0085');
  return { start, end, text: text.slice(start, end).endsWith('\n') ? `${quoted}\n` : quoted };
}

function isTemplateName(literal: string): boolean {
  return literal.endsWith('.yaml') || literal.endsWith('.template');
}

function pairs(node: Node): readonly Pair<Node, Node | null>[] {
  return isMap(node) ? (node.items as Pair<Node, Node | null>[]) : [];
}

function member(node: Node, name: string, walk: Walk): Node | undefined {
  const found = pairs(node).find(({ key }) => keyName(key, walk) === name)?.value ?? undefined;
  return isAlias(found) ? walk.targets.get(found) : found;
}

function keyName(key: Node, walk: Walk): string {
  const node = isAlias(key) ? walk.targets.get(key) : key;
  return isScalar(node) ? scalarText(node) : '';
}

/** The text of a scalar that YAML reads as text; undefined for numbers, truths, nothing and collections. */
function textOf(node: Node | null, walk: Walk): string | undefined {
  const target = isAlias(node) ? walk.targets.get(node) : node;
  if (!isScalar(target)) return undefined;
  const value: Json | undefined = scalarValue(target);
  return typeof value === 'string' ? value : undefined;
}

function scalarValue(node: Scalar): Json | undefined {
  return plainScalar(scalarText(node), node.type === 'PLAIN', node.tag);
}
