/**
 * Bounded reading of YAML as PyYAML's safe loader reads it (YAML 1.1), for text from strangers: no tags that make objects,
 * dates stay text, duplicate keys, deep nesting and alias bombs are faults. JSON is read by the same grammar.
 */
import { Composer, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Scalar } from 'yaml';
import type { Fault } from '#base/app-error.ts';
import { isJsonObject, type Json } from '#base/json.ts';
import { plainScalar, scalarText } from './yaml-scalar.ts';
import { readYamlTokens, type YamlLimits } from './yaml-tokens.ts';

/** Heat's own largest template, and more levels and values than any real one has. */
export const yamlLimits: YamlLimits = { bytes: 524_288, depth: 64, values: 50_000 };

export interface YamlText {
  readonly text: string;
  /** Null where there are faults, and for an empty text. */
  readonly value: Json;
  /** The node tree, for who must know where in the text a value stands; null where there are faults. */
  readonly root: Node | null;
  /** Pointers into the value; a syntax fault has pointer '' and names line and column. */
  readonly faults: readonly Fault[];
}

const faultsMax = 20;
const forbiddenKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const tagPrefix = 'tag:yaml.org,2002:';
const collectionTags: ReadonlySet<string> = new Set(['map', 'seq'].map((name) => tagPrefix + name));

/** Never throws: whatever is wrong is a fault. */
export function parseYaml(text: string, limits: YamlLimits = yamlLimits): YamlText {
  const failed = (faults: readonly Fault[]): YamlText => ({ text, value: null, root: null, faults });
  if (Buffer.byteLength(text) > limits.bytes) return failed([{ pointer: '', message: `is larger than ${limits.bytes} bytes` }]);
  const strange = nonPrintable.exec(text);
  if (strange !== null) return failed([{ pointer: '', message: strangeText(text, strange.index) }]);
  const lines = new LineCounter();
  const composed = compose(text, lines, limits);
  if ('fault' in composed) return failed([composed.fault]);
  const { document } = composed;
  if (document === undefined) return { text, value: null, root: null, faults: [] };
  const syntax = document.errors.slice(0, faultsMax).map(({ pos, message }) => {
    const { line, col } = lines.linePos(pos[0]);
    return { pointer: '', message: `line ${line}, column ${col}: ${oneLine(message)}` };
  });
  if (syntax.length > 0) return failed(syntax);
  const root = document.contents;
  if (root === null) return { text, value: null, root: null, faults: [] };
  const converter = createConverter(limits, lines);
  const value = converter.convert(root, '', 1);
  return converter.faults.length > 0 ? failed(converter.faults) : { text, value, root, faults: [] };
}

/** What YAML calls printable, as PyYAML's reader has it: anything else must be written as an escape. */
const nonPrintable = /[^\t\n\r -~\u0085\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

function strangeText(text: string, at: number): string {
  const line = text.slice(0, at).split('\n').length;
  const code = (text.codePointAt(at) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `line ${line}: the character U+${code} may not stand in YAML`;
}

function compose(text: string, lines: LineCounter, limits: YamlLimits): { document: Document | undefined } | { fault: Fault } {
  const tokens = readYamlTokens(text, lines, limits);
  if ('message' in tokens) {
    const { offset, message } = tokens;
    const { line, col } = lines.linePos(offset ?? 0);
    return { fault: { pointer: '', message: offset === null ? message : `line ${line}, column ${col}: ${oneLine(message)}` } };
  }
  const composer = new Composer({ schema: 'failsafe', version: '1.1', resolveKnownTags: false, uniqueKeys: false, strict: true });
  let document: Document | undefined;
  for (const next of composer.compose(tokens, false, text.length)) {
    if (document !== undefined) return { fault: { pointer: '', message: 'holds several documents; one is wanted' } };
    document = next;
  }
  return { document };
}

interface Converter {
  readonly faults: Fault[];
  convert(node: Node, pointer: string, depth: number): Json;
}

/** Nodes to JSON. An alias costs as much as what it stands for, so a bomb runs out of budget before it runs out of memory. */
function createConverter(limits: YamlLimits, lines: LineCounter): Converter {
  const faults: Fault[] = [];
  const anchors = new Map<string, Node>();
  const open = new Set<Node>();
  let values = 0;
  let isFull = false;

  const refuse = (pointer: string, node: Node, message: string): null => {
    if (faults.length < faultsMax) {
      const { line, col } = lines.linePos(node.range?.[0] ?? 0);
      faults.push({ pointer, message: `line ${line}, column ${col}: ${oneLine(message)}` });
    }
    return null;
  };
  const convert = (node: Node, pointer: string, depth: number): Json => {
    if (++values > limits.values) {
      // Once, wherever it is noticed: it may have been a key that was one too many.
      if (isFull) return null;
      isFull = true;
      return refuse(pointer, node, `more than ${limits.values} values`);
    }
    if (depth > limits.depth + 1) return refuse(pointer, node, `nested deeper than ${limits.depth} levels`);
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target === undefined) return refuse(pointer, node, `alias *${node.source} has no anchor before it`);
      if (open.has(target)) return refuse(pointer, node, `alias *${node.source} stands inside its own anchor`);
      return convert(target, pointer, depth);
    }
    if ('anchor' in node && typeof node.anchor === 'string') anchors.set(node.anchor, node);
    if (isScalar(node)) return convertScalar(node, pointer);
    if (node.tag !== undefined && !collectionTags.has(node.tag)) return refuse(pointer, node, `tag ${node.tag} is not allowed`);
    open.add(node);
    try {
      if (isSeq(node)) return node.items.map((item, index) => convert(item as Node, `${pointer}/${index}`, depth + 1));
      if (isMap(node)) return convertMap(node.items as readonly MapPair[], pointer, depth);
      return refuse(pointer, node, 'is neither a map, a list nor a scalar');
    } finally {
      open.delete(node);
    }
  };
  const convertScalar = (node: Scalar, pointer: string): Json => {
    const scalar = plainScalar(scalarText(node), node.type === 'PLAIN', node.tag);
    if (scalar !== undefined) return scalar;
    return refuse(pointer, node, node.tag === undefined ? 'must be quoted to be a text' : `tag ${node.tag} is not allowed here`);
  };
  const convertMap = (pairs: readonly MapPair[], pointer: string, depth: number): Json => {
    const own = new Map<string, Json>();
    const merged = new Map<string, Json>();
    for (const { key, value } of pairs) {
      if (isMergeKey(key)) {
        const found = value === null ? null : convert(value, pointer, depth);
        for (const source of Array.isArray(found) ? (found as readonly Json[]) : [found]) {
          if (!isJsonObject(source)) refuse(pointer, key, '<< takes maps only');
          else for (const [name, inner] of Object.entries(source)) if (!merged.has(name)) merged.set(name, inner);
        }
        continue;
      }
      const name = convertKey(key, pointer);
      if (name === undefined) continue;
      const below = `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (own.has(name)) refuse(below, key, `key "${name.slice(0, 100)}" stands twice`);
      own.set(name, value === null ? null : convert(value, below, depth + 1));
    }
    return Object.fromEntries([...[...merged].filter(([name]) => !own.has(name)), ...own]);
  };
  const convertKey = (key: Node, pointer: string): string | undefined => {
    values++;
    const node = isAlias(key) ? (anchors.get(key.source) ?? key) : key;
    if (!isScalar(node)) return refuse(pointer, key, 'a key must be a scalar') ?? undefined;
    if (typeof node.anchor === 'string') anchors.set(node.anchor, node);
    const value = convertScalar(node, pointer);
    if (value === null) return refuse(pointer, key, 'a key must not be null') ?? undefined;
    const name = typeof value === 'string' ? value : JSON.stringify(value);
    return forbiddenKeys.has(name) ? (refuse(pointer, key, `key "${name}" is not allowed`) ?? undefined) : name;
  };
  return { faults, convert };
}

interface MapPair {
  readonly key: Node;
  readonly value: Node | null;
}

function isMergeKey(key: Node): boolean {
  return isScalar(key) && key.type === 'PLAIN' && key.source === '<<' && key.tag === undefined;
}

function oneLine(message: string): string {
  return (message.split('\n')[0] ?? '').slice(0, 300);
}
