/** Where a blob of a closure stands in a folder or an archive: `<project>/<type>/<name>/<version or id>/<path>`. */
import type { ClosureNode } from './closure.ts';
import { toSegment } from './path-segment.ts';

/** The file beside the artifacts that says what they are. */
export const closureFileName = 'closure.json';

export function closurePath(node: Pick<ClosureNode, 'id' | 'project' | 'type' | 'name' | 'version'>, path: string): string {
  const { id, project, type, name, version } = node;
  const [first = '', ...rest] = [project, type, name ?? '_', version ?? id].map(toSegment);
  // A project of the very name would be a folder where the file is to stand, also where case makes no difference.
  const top = first.toLowerCase() === closureFileName ? first.replace('.', '%2E') : first;
  return [top, ...rest, path].join('/');
}
