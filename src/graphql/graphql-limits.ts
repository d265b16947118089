/** What one request may ask for; checked before anything of it runs, but for what only its answer shows. */

export interface GraphqlLimits {
  /** Levels of fields, introspection aside. */
  readonly maxDepth: number;
  /** Sum over all fields of how often they may be answered; those that read the database count more (query-cost.ts). */
  readonly maxCost: number;
  /** Fields under another name than their own. */
  readonly maxAliases: number;
  /** Rows of all lists of the answer, each times the fields selected of it (answer-budget.ts). */
  readonly maxValues: number;
  /** Tokens of the document. */
  readonly maxTokens: number;
  /** Bytes of the whole request body. */
  readonly maxBodyBytes: number;
}

export const defaultGraphqlLimits: GraphqlLimits = {
  maxDepth: 12,
  maxCost: 20_000,
  maxAliases: 50,
  // A bundle of 10,000 files in every field is 90,000; half a million are about a second of the process, and some 400 MB of it.
  maxValues: 500_000,
  maxTokens: 3_000,
  maxBodyBytes: 1_048_576,
};
