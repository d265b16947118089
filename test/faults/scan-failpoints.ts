/** Finds every failpoint of the source: the calls themselves, by the parser, so that none is missed and none is a comment. */
import { parseSync, Visitor } from 'oxc-parser';
import { readModules } from '../house/modules.ts';

export interface FoundFailpoint {
  readonly name: string;
  readonly path: string;
  /** Bytes are written there: it can tear them. */
  readonly tears: boolean;
}

const pattern = /^[a-z0-9.]+(?::[a-z0-9.-]+)+$/;

/** In the order of the files. @throws Error for a name that is no literal, ill-formed, or there twice */
export function scanFailpoints(): readonly FoundFailpoint[] {
  const found = new Map<string, FoundFailpoint>();
  for (const { path, text } of readModules().filter((module) => module.path.startsWith('src/'))) {
    if (path === 'src/base/failpoint.ts') continue;
    const visitor = new Visitor({
      CallExpression({ callee, arguments: [first] }) {
        if (callee.type !== 'Identifier' || (callee.name !== 'failpoint' && callee.name !== 'tornWrite')) return;
        if (first?.type !== 'Literal' || typeof first.value !== 'string')
          throw new Error(`${path}: a failpoint without a literal name`);
        const name = first.value;
        if (!pattern.test(name)) throw new Error(`${path}: ${name} is no name of a failpoint`);
        if (found.has(name)) throw new Error(`${name} is in ${found.get(name)?.path} and in ${path}`);
        found.set(name, { name, path, tears: callee.name === 'tornWrite' });
      },
    });
    visitor.visit(parseSync(path, text).program);
  }
  return [...found.values()];
}
