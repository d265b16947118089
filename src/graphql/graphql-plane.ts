/** The door of the room: the GraphQL plane as one handler, and its schema as text. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DocumentNode } from 'graphql';
import { createYoga } from 'graphql-yoga';
import { type AppError, isAppError } from '#base/app-error.ts';
import { readBody } from '#base/read-body.ts';
import type { Request as Caller, Services } from '#ops/context.ts';
import type { TypeRegistry } from '#types/type-registry.ts';
import { chargeLists } from './answer-budget.ts';
import { createGraphqlContext } from './graphql-context.ts';
import type { GraphqlLimits } from './graphql-limits.ts';
import { buildSchema, sdlOf } from './schema.ts';
import { createDocumentCache, createPlugins, type ServerContext } from './yoga-plugins.ts';

export { defaultGraphqlLimits, type GraphqlLimits } from './graphql-limits.ts';
export { printSchema } from './schema.ts';

const graphqlPath = '/graphql';

export interface GraphqlPlaneOptions {
  readonly services: Services;
  readonly types: TypeRegistry;
  readonly limits: GraphqlLimits;
  /** Serve GraphiQL to browsers: for development. */
  readonly graphiql: boolean;
  readonly introspection: boolean;
}

export interface GraphqlPlane {
  /** Answers a request whose body nobody has read yet. */
  handle(request: IncomingMessage, response: ServerResponse, facts: Caller): Promise<void>;
  /** The same pipeline without a socket. */
  fetch(request: Request, facts: Caller): Promise<Response>;
  readonly sdl: string;
}

/** Characters of documents kept parsed, and of those kept as faulty. */
const cachedDocumentCharacters = 1_000_000;
const cachedErrorCharacters = 100_000;

/** What the explorer opens with: a query that answers on every server. */
const defaultQuery = `# What is here: the newest artifacts of every type.
# Each type has a typed list of its own beside this one: press Ctrl-Space inside the braces.
{
  artifacts(first: 10) {
    edges { node { __typename id name version visibility tags blobs { path sizeBytes url } } }
    pageInfo { hasNextPage endCursor }
  }
}
`;

/** @throws AppError TYPE_INVALID where the types do not make one schema */
export function createGraphqlPlane(options: GraphqlPlaneOptions): GraphqlPlane {
  const { services, limits } = options;
  const schema = buildSchema(options.types);
  chargeLists(schema);
  const yoga = createYoga<ServerContext>({
    schema,
    graphqlEndpoint: graphqlPath,
    plugins: createPlugins({ schema, limits, introspection: options.introspection }),
    graphiql: options.graphiql ? { title: 'Vitrine', defaultQuery } : false,
    // The page brings its own scripts: it must work where nothing but this server can be reached. Loaded when it is first opened.
    renderGraphiQL: async (page) => (await import('@graphql-yoga/render-graphiql')).renderGraphiQL(page),
    landingPage: false,
    // No page of another origin may read an answer; without CORS headers none of its JSON requests is even sent.
    cors: false,
    batching: false,
    multipart: false,
    // The errors are translated by a plugin of our own, which also sees those that yoga itself found.
    maskedErrors: false,
    logging: false,
    // The body is read and bounded before yoga sees it.
    maxRequestBodySize: false,
    parserAndValidationCache: {
      documentCache: createDocumentCache<DocumentNode>(cachedDocumentCharacters),
      errorCache: createDocumentCache<Error>(cachedErrorCharacters),
    },
  });
  return {
    sdl: sdlOf(schema),
    async handle(request, response, facts) {
      const context = createGraphqlContext(services, facts, limits.maxValues);
      const body = request.method === 'POST' ? await readBodyOrError(request, limits.maxBodyBytes) : undefined;
      await yoga.handle(request, response, { ...context, body });
    },
    async fetch(request, facts) {
      return yoga.fetch(request, createGraphqlContext(services, facts, limits.maxValues));
    },
  };
}

/** An unreadable body is answered by the pipeline, like every other error. */
async function readBodyOrError(request: IncomingMessage, maxBytes: number): Promise<string | AppError> {
  try {
    return await readBody(request, maxBytes);
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
}
