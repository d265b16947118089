/** The access rules of application credentials: which requests of which service such a credential may be used for. */

export interface AccessRule {
  /** The type of the service, as in the catalogue. */
  readonly service: string;
  readonly method: string;
  /** `*` and `{name}` stand for one segment, or a part of one; `**` for anything. */
  readonly path: string;
}

export interface RuledRequest {
  readonly method: string;
  /** Where a header says that another is meant; some routes go by it, so that both must be allowed. */
  readonly meantMethod?: string | undefined;
  /** As it was sent, without its query. */
  readonly path: string;
}

/** Longer ones are none that a rule is written for; matching takes as many steps as the one has characters, times the other's wildcards. */
const pathMax = 2_048;

/** @param service the type as which this server is registered in a catalogue */
export function isAllowedBy(rules: readonly AccessRule[], service: string, sent: RuledRequest): boolean {
  const { method, meantMethod = method, path } = sent;
  // An encoded slash is a border to some and none to others: no rule can be meant for it.
  if (path.length > pathMax || /%2f/i.test(path)) return false;
  const isAllowed = (each: string) =>
    rules.some((rule) => rule.service === service && rule.method === each && matches(rule.path, path));
  return isAllowed(method) && (meantMethod === method || isAllowed(meantMethod));
}

/**
 * Rules are written by whoever has an account, so no regular expression is made of them: whatever the pattern, each of its
 * parts walks the path once.
 */
function matches(pattern: string, path: string): boolean {
  // Up to which positions of the path the parts so far can reach.
  let reached: readonly boolean[] = Array.from({ length: path.length + 1 }, (_, index) => index === 0);
  for (const [part] of pattern.matchAll(/\*\*+|\*|\{[^{}]*\}|[^*{]+|\{/g)) {
    if (part.startsWith('**')) reached = passAnything(reached);
    else if (part === '*' || (part.length > 1 && part.startsWith('{'))) reached = passSegment(reached, path);
    else reached = passText(reached, path, part);
  }
  return reached[path.length] === true;
}

function passAnything(reached: readonly boolean[]): readonly boolean[] {
  const first = reached.indexOf(true);
  return reached.map((_, index) => first >= 0 && index >= first);
}

/** One character or more, none of them a slash. */
function passSegment(reached: readonly boolean[], path: string): readonly boolean[] {
  let isInside = false;
  return reached.map((_, index) => {
    isInside = index > 0 && path[index - 1] !== '/' && (isInside || reached[index - 1] === true);
    return isInside;
  });
}

function passText(reached: readonly boolean[], path: string, text: string): readonly boolean[] {
  return reached.map((_, index) => reached[index - text.length] === true && path.startsWith(text, index - text.length));
}
