/** The life of a request inside yoga, as plugins of our own; their order is that of `createPlugins`. */

import type { ExecutionResult } from 'graphql';
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  MaxIntrospectionDepthRule,
  NoSchemaIntrospectionCustomRule,
  parse,
  validate,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import { AppError } from '#base/app-error.ts';
import { withCatalogueErrors } from './answer-errors.ts';
import { assertNesting, createDocumentLimitsRule, tooComplex } from './document-limits.ts';
import type { GraphqlContext } from './graphql-context.ts';
import type { GraphqlLimits } from './graphql-limits.ts';
import { createCostMeter } from './query-cost.ts';
import { assertBodySize, assertJsonType, assertPlain, parseBody, parseQuery } from './request-body.ts';

/** What the door hands to yoga with each request. */
export interface ServerContext extends GraphqlContext {
  /** The text of a POST, or why it was not read, where the request came from Node. */
  readonly body?: string | AppError | undefined;
}

type OwnPlugin = Plugin<Record<string, unknown>, ServerContext>;

export interface PluginOptions {
  readonly schema: GraphQLSchema;
  readonly limits: GraphqlLimits;
  readonly introspection: boolean;
}

export function createPlugins(options: PluginOptions): OwnPlugin[] {
  return [
    // The body, read strictly; nothing but JSON.
    useStrictBody(options.limits),
    // Tokens, depth, aliases, introspection: before anything of the document is believed.
    useDocumentLimits(options),
    // Cost: with variables, before anything runs.
    useCostLimit(options),
    // The way out: every error through the catalogue.
    useCatalogueErrors(),
    // And the one refusal that yoga makes without words.
    useWordedRefusal(),
  ];
}

function useStrictBody(limits: GraphqlLimits): OwnPlugin {
  return {
    onRequestParse({ request, serverContext, setRequestParser }) {
      if (request.method !== 'POST') {
        setRequestParser((asked) => parseQuery(asked.url));
        return;
      }
      assertJsonType(request.headers.get('content-type'));
      assertPlain(request.headers.get('content-encoding'));
      setRequestParser(async (posted) => {
        const body = serverContext.body ?? assertBodySize(await posted.text(), limits.maxBodyBytes);
        if (body instanceof AppError) throw body;
        return parseBody(body);
      });
    },
  };
}

function useDocumentLimits({ limits, introspection }: PluginOptions): OwnPlugin {
  const documentLimits = createDocumentLimitsRule(limits);
  return {
    onParse({ setParseFn }) {
      setParseFn((source: string) => {
        assertNesting(source, limits.maxTokens);
        return parse(source, { maxTokens: limits.maxTokens });
      });
    },
    onValidate({ addValidationRule, setValidationFn }) {
      addValidationRule(documentLimits);
      addValidationRule(MaxIntrospectionDepthRule);
      if (!introspection) addValidationRule(NoSchemaIntrospectionCustomRule);
      // A suggestion would tell names of a schema that is not to be looked at.
      setValidationFn((schema: GraphQLSchema, document: DocumentNode, rules) =>
        validate(schema, document, rules, { maxErrors: 20, hideSuggestions: !introspection }),
      );
    },
  };
}

function useCostLimit({ schema, limits }: PluginOptions): OwnPlugin {
  const meter = createCostMeter(schema);
  return {
    onExecute({ args, setResultAndStopExecution }) {
      const operation = getOperationAST(args.document, args.operationName);
      if (!operation) return;
      const cost = meter.costOf(args.document, operation, args.variableValues ?? {});
      if (cost > limits.maxCost) {
        setResultAndStopExecution({ errors: [tooComplex(`rows and fields (cost ${cost})`, limits.maxCost)] });
      }
    },
  };
}

function useCatalogueErrors(): OwnPlugin {
  return {
    onResultProcess({ result, setResult, serverContext }) {
      if (!isSingleResult(result)) return;
      setResult(withCatalogueErrors(result, serverContext.op));
    },
  };
}

function useWordedRefusal(): OwnPlugin {
  return {
    onResponse({ response, serverContext, setResponse }) {
      if (response.status !== 406 || response.body !== null) return;
      const error = new AppError('MEDIA_TYPE_UNSUPPORTED', 'Answers are application/graphql-response+json or application/json.');
      const { errors } = withCatalogueErrors(
        { errors: [new GraphQLError(error.message, { originalError: error })] },
        serverContext.op,
      );
      setResponse(Response.json({ errors }, { status: 406, statusText: 'Not Acceptable' }));
    },
  };
}

function isSingleResult(result: unknown): result is ExecutionResult {
  return typeof result === 'object' && result !== null && !Array.isArray(result) && !(Symbol.asyncIterator in result);
}

/** Parsed and validated documents by their text, bounded by the size of the texts. */
export function createDocumentCache<Value extends object>(maxCharacters: number): LRUCache<string, Value> {
  return new LRUCache({ max: 1_000, maxSize: maxCharacters, sizeCalculation: (_value, text) => text.length + 1 });
}
