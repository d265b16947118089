/**
 * Whether a text is YAML or JSON that a reader survives: whole, not too deep, no alias bomb, no key that stands twice. Other than
 * yaml-text.ts it wants no value of it: a stream may hold several documents, and tags are left to whoever reads it.
 */
import { Composer, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node } from 'yaml';
import { readYamlTokens, type YamlLimits } from './yaml-tokens.ts';

/** The first problem, with its line; undefined where there is none. */
export function yamlStreamProblem(text: string, limits: YamlLimits): string | undefined {
  if (Buffer.byteLength(text) > limits.bytes) return `is larger than ${limits.bytes} bytes`;
  const lines = new LineCounter();
  const at = (offset: number): string => `line ${lines.linePos(offset).line}`;
  const tokens = readYamlTokens(text, lines, limits);
  if ('message' in tokens) {
    const { offset, message } = tokens;
    return offset === null ? message : `${at(offset)}: ${firstLine(message)}`;
  }
  const composer = new Composer({
    schema: 'failsafe',
    version: '1.1',
    resolveKnownTags: false,
    uniqueKeys: false,
    logLevel: 'silent',
  });
  // One budget for the whole stream.
  const budget = { values: limits.values };
  for (const document of composer.compose(tokens, false, text.length)) {
    // A tag that the schema does not know is a warning, and a matter of the reader's.
    const [error] = document.errors;
    if (error !== undefined) return `${at(error.pos[0])}: ${firstLine(error.message)}`;
    const problem = documentProblem(document, budget);
    if (problem !== undefined) return `${at(problem.offset)}: ${problem.message}`;
  }
  return undefined;
}

interface Problem {
  readonly offset: number;
  readonly message: string;
}

/** Walks as a reader would that expands aliases, until it finds something or the budget is spent. */
function documentProblem(document: Document, budget: { values: number }): Problem | undefined {
  const anchors = new Map<string, Node>();
  const open = new Set<Node>();
  const visit = (node: unknown): Problem | undefined => {
    if (!isNode(node)) return undefined;
    const problem = (message: string): Problem => problemAt(node, message);
    budget.values -= 1;
    if (budget.values < 0) return problem('holds more values than are read');
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target === undefined) return problem(`alias *${node.source.slice(0, 100)} has no anchor before it`);
      return open.has(target) ? problem(`alias *${node.source.slice(0, 100)} stands inside its own anchor`) : visit(target);
    }
    if ('anchor' in node && typeof node.anchor === 'string') anchors.set(node.anchor, node);
    if (isScalar(node)) return undefined;
    open.add(node);
    try {
      return isMap(node) ? visitMap(node.items) : isSeq(node) ? firstOf(node.items, visit) : undefined;
    } finally {
      open.delete(node);
    }
  };
  const visitMap = (pairs: readonly { readonly key: unknown; readonly value: unknown }[]): Problem | undefined => {
    const keys = new Set<unknown>();
    return firstOf(pairs, ({ key, value }) => {
      // Of keys that are maps or lists themselves nobody agrees when two are the same. A merge may be repeated.
      const name = isScalar(key) ? (key.source ?? key.value) : undefined;
      if (name !== undefined && name !== '<<') {
        if (keys.has(name))
          return problemAt(key, `has the key ${JSON.stringify(`${name as string | number}`.slice(0, 100))} twice`);
        keys.add(name);
      }
      return visit(key) ?? visit(value);
    });
  };
  return visit(document.contents);
}

function problemAt(node: unknown, message: string): Problem {
  return { offset: isNode(node) ? (node.range?.[0] ?? 0) : 0, message };
}

function firstOf<Item>(items: readonly Item[], find: (item: Item) => Problem | undefined): Problem | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isNode(value: unknown): value is Node {
  return isAlias(value) || isScalar(value) || isMap(value) || isSeq(value);
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').slice(0, 300);
}
