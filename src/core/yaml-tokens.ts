/** The tokens of a YAML text, read no further than its limits allow: a parser's tree of a bomb is larger than any memory for it. */
import { type Composer, Lexer, type LineCounter, Parser } from 'yaml';

export interface YamlLimits {
  /** UTF-8 bytes of the text. */
  readonly bytes: number;
  /** Levels of maps and lists. */
  readonly depth: number;
  /** Values in all, after aliases are expanded. */
  readonly values: number;
}

type YamlToken = Parameters<Composer['next']>[0];

/** Why a text is not read on; `offset` is null where the whole of it is meant. */
export interface YamlTokenProblem {
  readonly offset: number | null;
  readonly message: string;
}

/** @param lines told of each line that was read */
export function readYamlTokens(text: string, lines: LineCounter, limits: YamlLimits): readonly YamlToken[] | YamlTokenProblem {
  const tokens: YamlToken[] = [];
  const parser = new Parser(lines.addNewLine);
  const isTooMany = createSignCounter(limits.values);
  const tooDeep = { offset: null, message: `is nested deeper than ${limits.depth} levels` };
  const take = (found: Iterable<YamlToken>): YamlTokenProblem | undefined => {
    for (const token of found) {
      if (token.type === 'error') return { offset: token.offset, message: token.message };
      if (token.type === 'document' && isDeeper(token.value, limits.depth)) return tooDeep;
      tokens.push(token);
    }
    return undefined;
  };
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    if (isTooMany(lexeme)) return { offset: parser.offset, message: `more than ${limits.values} values` };
    const problem = take(parser.next(lexeme));
    if (problem !== undefined) return problem;
    // What is open now, beside the document and a scalar; taken exactly once the document is whole.
    if (parser.stack.length > 2 * limits.depth + 8) return tooDeep;
  }
  return take(parser.end()) ?? tokens;
}

/** Stands before the text of a scalar that has no quotes. */
const scalarMark = '\u001f';

/**
 * Tells when there are more of any sign than there may be values, each of which has it once at most. Whoever counts the values
 * themselves, aliases too, is exact: so a few more are left to them.
 */
function createSignCounter(most: number): (lexeme: string) => boolean {
  const counts = new Map<string, number>();
  let isText = false;
  return (lexeme) => {
    // A merge key is no value.
    const sign = isText ? (lexeme === '<<' ? undefined : 'value') : signOf(lexeme);
    isText = !isText && lexeme === scalarMark;
    if (sign === undefined) return false;
    const count = (counts.get(sign) ?? 0) + (weights[sign] ?? 1);
    counts.set(sign, count);
    return count > most + signsLeft;
  };
}

const signsLeft = 16;
/** Of a pair key and value are values. Directives are few in any text, and make a warning each. */
const weights: Readonly<Record<string, number>> = { ':': 2, '%': 100 };

/** Of what stands for a value, or goes with one; undefined for space, comments and closing brackets. */
function signOf(lexeme: string): string | undefined {
  const first = lexeme.charAt(0);
  if (first === '"' || first === "'" || first === '*' || first === '[' || first === '{') return 'value';
  return '-?:,&!%'.includes(first) && first !== '' ? first : undefined;
}

type Token = { readonly items?: unknown; readonly type?: unknown };

/** Iterative, for the very input that would exhaust the stack. */
function isDeeper(top: unknown, depthMax: number): boolean {
  const open: { readonly token: Token; readonly depth: number }[] = [];
  const push = (token: unknown, depth: number): void => {
    if (typeof token === 'object' && token !== null) open.push({ token, depth });
  };
  push(top, 1);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (!Array.isArray(next.token.items)) continue;
    if (next.depth > depthMax) return true;
    for (const item of next.token.items as { readonly key?: unknown; readonly value?: unknown }[]) {
      push(item.key, next.depth + 1);
      push(item.value, next.depth + 1);
    }
  }
  return false;
}
