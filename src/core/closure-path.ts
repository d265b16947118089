/** Where a blob of a closure stands in a folder or an archive: `<project>/<type>/<name>/<version or id>/<path>`. */
import type { ClosureNode } from './closure.ts';
import { toSegment } from './path-segment.ts';

/** The file beside the artifacts that says what they are. */
export const closureFileName = 'closure.json';

export function closurePath(node: Pick<ClosureNode, 'id' | 'project' | 'type' | 'name' | 'version'>, path: string): string {
  const { id, project, type, name, version } = node;
  return [...[project, type, name ?? '_', version ?? id].map(toSegment), path].join('/');
}
