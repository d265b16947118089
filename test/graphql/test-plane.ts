/** The GraphQL plane over a real node, asked through its whole pipeline without a port. */
import { createGraphqlPlane, defaultGraphqlLimits, type GraphqlLimits, type GraphqlPlane } from '#graphql/graphql-plane.ts';
import type { Services } from '#ops/context.ts';
import { type Caller, createCaller, type Role } from '#policy/policy.ts';
import { createTestNode, type Node, testTypesFolder } from '#test/support/operations.ts';
import { createTypesFolder } from '#test/types/type-folder.ts';
import { loadTypes } from '#types/load-types.ts';

export interface Answer {
  readonly status: number;
  readonly data: unknown;
  readonly errors: readonly AnswerError[];
  readonly headers: Headers;
  readonly text: string;
}

interface AnswerError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: {
    readonly code: string;
    readonly remedy: string;
    readonly requestId: string;
    readonly [key: string]: unknown;
  };
}

export type Ask = (document: string, variables?: object, headers?: Record<string, string>) => Promise<Answer>;

export interface TestPlane extends AsyncDisposable {
  readonly node: Node;
  readonly services: Services;
  readonly plane: GraphqlPlane;
  /** Asks as a member of the project, unless other roles are said. */
  as(project: string, ...roles: readonly Role[]): Ask;
  /** Sends a request as it is. */
  send(request: Request, caller?: Caller): Promise<Answer>;
}

export interface TestPlaneOptions {
  readonly limits?: Partial<GraphqlLimits>;
  readonly introspection?: boolean;
  readonly graphiql?: boolean;
  readonly services?: (services: Services) => Partial<Services>;
}

/** The value at a path of an answer; fails where there is none. */
export function dig(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => {
    if (typeof inner !== 'object' || inner === null || !(key in inner))
      throw new Error(`no ${path.join('.')} in ${JSON.stringify(value)}`);
    return (inner as Record<string | number, unknown>)[key];
  }, value);
}

export const testRequestId = 'req-00000000-0000-4000-8000-000000000000';

/** With the types of the tests of operations, and `gadget`, which has a property of every kind. */
export async function createTestPlane(options: TestPlaneOptions = {}): Promise<TestPlane> {
  const stack = new AsyncDisposableStack();
  const node = stack.use(await createTestNode());
  const folder = stack.use(createTypesFolder());
  writeGadget(folder);
  const types = stack.use(await loadTypes({ folders: [testTypesFolder, folder.path] }));
  const services = { ...node.with({ types }), ...options.services?.(node.services) };
  const plane = createGraphqlPlane({
    services,
    types,
    limits: { ...defaultGraphqlLimits, ...options.limits },
    graphiql: options.graphiql ?? false,
    introspection: options.introspection ?? true,
  });
  const send = async (request: Request, caller = createCaller('nobody', 'nowhere', ['reader'])): Promise<Answer> => {
    const signal = new AbortController().signal;
    return toAnswer(await plane.fetch(request, { caller, requestId: testRequestId, sourceAddress: '192.0.2.1', signal }));
  };
  return {
    node,
    services,
    plane,
    send,
    as: (project, ...roles) => {
      const caller = createCaller(`user-of-${project}`, project, roles.length === 0 ? ['member', 'reader'] : roles);
      return (query, variables = {}, headers = {}) => send(postRequest({ query, variables }, headers), caller);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

export function postRequest(body: unknown, headers: Record<string, string> = {}): Request {
  return new Request('http://127.0.0.1/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

async function toAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  const body = isJson ? JSON.parse(text) : {};
  return { status: response.status, data: body.data, errors: body.errors ?? [], headers: response.headers, text };
}

function writeGadget(folder: ReturnType<typeof createTypesFolder>): void {
  folder.write('gadget/manifest.json', {
    type: 'gadget',
    title: 'Gadget',
    description: 'A thing with a property of every kind.',
    current: '1',
    versions: { 1: { slots: { data: { kind: 'one', description: 'Its bytes.' } }, dependencies: {} } },
    graphql: { fields: { 'odd-name': 'oddName', 'ports/min~max': 'ports' } },
  });
  folder.write('gadget/schemas/1.json', {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: {
      color: { type: 'string', enum: ['red', 'green'], description: 'An enum.', 'x-filterable': true },
      size_class: { type: 'string', enum: ['x-small', '2XL'], description: 'No GraphQL names.', 'x-filterable': true },
      'odd-name': { type: 'string', description: 'No GraphQL name itself.', maxLength: 5, 'x-filterable': true },
      'ports/min~max': { type: 'integer', description: 'A name that a pointer escapes.', maximum: 9 },
      weight: { type: 'integer', description: 'Grams.', 'x-filterable': true, 'x-sortable': true },
      ratio: { type: 'number', description: 'A number.', 'x-filterable': true },
      active: { type: 'boolean', description: 'A claim.', 'x-filterable': true, 'x-mutable': true },
      parts: { type: 'array', items: { type: 'string' }, description: 'A list.', 'x-filterable': true },
      extra: { type: 'object', description: 'Anything.', additionalProperties: true },
      secret: { type: 'string', description: 'Not to be filtered by.' },
    },
    additionalProperties: { type: 'string' },
  });
}
