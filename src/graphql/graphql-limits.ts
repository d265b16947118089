/** What one request may ask for; checked before anything of it runs. */

export interface GraphqlLimits {
  /** Levels of fields, introspection aside. */
  readonly maxDepth: number;
  /** Sum over all fields of how often they may be answered; those that read the database count more (query-cost.ts). */
  readonly maxCost: number;
  /** Fields under another name than their own. */
  readonly maxAliases: number;
  /** Tokens of the document. */
  readonly maxTokens: number;
  /** Bytes of the whole request body. */
  readonly maxBodyBytes: number;
}

export const defaultGraphqlLimits: GraphqlLimits = {
  maxDepth: 12,
  maxCost: 20_000,
  maxAliases: 50,
  maxTokens: 3_000,
  maxBodyBytes: 1_048_576,
};
