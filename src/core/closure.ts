/** An artifact with everything it needs: the shape of a closure on every plane. */
import type { JsonObject } from '#base/json.ts';
import type { SlotEntry } from './artifact.ts';

export const problemKinds = [
  'NOT_FOUND',
  'NO_MATCH',
  'DEACTIVATED',
  'YANKED',
  'CONFLICT',
  'CYCLE',
  'LIMIT',
  'BLOB_UNAVAILABLE',
] as const;
export type ProblemKind = (typeof problemKinds)[number];

export interface ClosureBlob extends Omit<SlotEntry, 'sha512' | 'md5'> {
  /** These two only where they were asked for. */
  readonly sha512?: string | undefined;
  readonly md5?: string | undefined;
  /** Path on this server, without host. */
  readonly url: string;
  /** The text of a small blob of a text slot, where asked for. */
  readonly text: string | null;
}

export interface ClosureNode {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly typeVersion: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly digest: string | null;
  readonly state: string;
  readonly yanked: boolean;
  readonly properties: JsonObject;
  readonly blobs: readonly ClosureBlob[];
}

export interface ClosureEdge {
  readonly from: string;
  readonly slot: string;
  readonly alias: string;
  readonly ref: string;
  readonly range: string;
  readonly parameter: string | null;
  /** The id of a node, or null where it could not be resolved (see problems). */
  readonly to: string | null;
  readonly version: string | null;
}

export interface ClosureProblem {
  readonly kind: ProblemKind;
  readonly message: string;
  /** The node the problem belongs to, and the alias of the edge where it is one. */
  readonly node: string;
  readonly alias: string | null;
  /** Usable all the same (YANKED behind a pin); a closure with only such problems is complete. */
  readonly usable: boolean;
  /** Visible versions, newest first, for NO_MATCH; the path of ids for CYCLE. */
  readonly candidates: readonly string[];
  readonly path: readonly string[];
}

export interface Closure {
  readonly root: string;
  readonly mode: 'pinned' | 'floating';
  /** Dependencies first; ties by type, name, version. */
  readonly nodes: readonly ClosureNode[];
  readonly edges: readonly ClosureEdge[];
  readonly problems: readonly ClosureProblem[];
  readonly complete: boolean;
  /** `sha256:<hex>` over the canonical node list; null unless complete. */
  readonly closureDigest: string | null;
}
