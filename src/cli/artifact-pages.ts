/** Lists of artifacts, page by page, as far as the caller wants to read. */
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import { type ArtifactNode, toArtifactView } from './artifact-view.ts';
import { type CliIo, printJson, printTable } from './cli-io.ts';
import { objectsOf } from './json-values.ts';

export interface ArtifactList {
  readonly artifacts: readonly ArtifactNode[];
  /** More follow after what was read. */
  readonly hasMore: boolean;
}

/** Smaller than what any server allows by default. */
const pageSize = 50;

/** @param readPage the connection of one page, for these arguments */
export async function readArtifacts(
  limit: number,
  readPage: (page: JsonObject) => Promise<Json | undefined>,
): Promise<ArtifactList> {
  const artifacts: ArtifactNode[] = [];
  let after: string | null = null;
  for (;;) {
    const first = Math.min(pageSize, limit - artifacts.length);
    const connection = await readPage(after === null ? { first } : { first, after });
    if (!isJsonObject(connection)) return { artifacts, hasMore: false };
    for (const edge of objectsOf(connection['edges'])) if (isJsonObject(edge['node'])) artifacts.push(edge['node']);
    const pageInfo = isJsonObject(connection['pageInfo']) ? connection['pageInfo'] : {};
    const hasMore = pageInfo['hasNextPage'] === true;
    const cursor = pageInfo['endCursor'];
    if (!hasMore || artifacts.length >= limit || typeof cursor !== 'string') return { artifacts, hasMore };
    after = cursor;
  }
}

interface PrintOptions {
  readonly asJson: boolean;
  /** How to see the rest. */
  readonly advice: string;
}

export function printArtifacts(io: CliIo, { artifacts, hasMore }: ArtifactList, { asJson, advice }: PrintOptions): void {
  const views = artifacts.map(toArtifactView);
  if (asJson) printJson(io, views);
  else {
    const rows = views.map((view) => [
      view.project,
      view.type,
      view.name ?? '-',
      view.version ?? '-',
      view.state,
      view.visibility,
      view.id,
    ]);
    printTable(io, ['PROJECT', 'TYPE', 'NAME', 'VERSION', 'STATE', 'VISIBILITY', 'ID'], rows);
  }
  if (hasMore) io.err(`There are more; ${advice}.\n`);
}
