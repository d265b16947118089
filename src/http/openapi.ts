/** The OpenAPI document of the HTTP planes: from their route tables and what each row says of itself. */
import type { AnswerDescription, FieldDescription, OperationDescription, PlaneDescription } from '#base/http-description.ts';
import type { HttpMethod, HttpPlane, HttpRoute, OpenRoute } from '#base/http-route.ts';
import type { Json, JsonObject } from '#base/json.ts';

type Plane = Pick<HttpPlane<never>, 'description'> & {
  readonly routes: readonly Pick<HttpRoute<never>, 'path' | 'operations'>[];
  readonly open?: readonly Pick<OpenRoute<never>, 'path' | 'operation'>[];
};
type Schemas = Readonly<Record<string, JsonObject>>;

/** @param version of Vitrine */
export function describePlanes(planes: readonly Plane[], version: string): JsonObject {
  const described = planes.flatMap(({ description, routes, open = [] }) =>
    description === undefined ? [] : [{ description, routes, open }],
  );
  return {
    openapi: '3.1.0',
    info: {
      title: 'Vitrine over HTTP',
      version,
      description: 'Bytes and the Image API. Everything else is GraphQL, at `/graphql`, whose schema describes itself.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { authToken: [] }],
    tags: described.map(({ description: { tag, summary } }) => ({ name: tag, description: summary })),
    paths: Object.assign(
      {},
      ...described.map(({ description, routes, open }) => ({
        ...toOpenPaths(description, open),
        ...toPaths(description, routes),
      })),
    ),
    components: {
      schemas: Object.assign({}, ...described.map(({ description }) => description.schemas)),
      responses: Object.fromEntries(described.map(({ description }) => [refusalName(description), toRefusal(description)])),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API token of Vitrine.' },
        authToken: { type: 'apiKey', in: 'header', name: 'X-Auth-Token', description: 'A token of Keystone, or of Vitrine.' },
      },
    },
  };
}

function toPaths(plane: PlaneDescription, routes: Plane['routes']): JsonObject {
  const paths: Record<string, Json> = {};
  for (const { path, operations } of routes) {
    if (operations === undefined) continue;
    const methods = Object.entries(operations) as [HttpMethod, OperationDescription][];
    paths[toTemplate(path)] = {
      ...toPathParameters(path, plane),
      ...Object.fromEntries(methods.map(([method, operation]) => [method.toLowerCase(), toOperation(method, operation, plane)])),
    };
  }
  return paths;
}

/** Of paths that need no caller: nobody is refused there for being nobody. */
function toOpenPaths(plane: PlaneDescription, open: NonNullable<Plane['open']>): JsonObject {
  const described = open.flatMap(({ path, operation }) => (operation === undefined ? [] : [{ path, operation }]));
  return Object.fromEntries(
    described.map(({ path, operation }) => {
      const { responses, ...rest } = toOperation('GET', operation, plane);
      const { 401: _nobody, ...known } = responses as JsonObject;
      return [path, { get: { ...rest, security: [], responses: known } }];
    }),
  );
}

/** `/a/:name/*` → `/a/{name}/{path}` */
function toTemplate(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}').replace('*', '{path}');
}

function toPathParameters(path: string, { params, tag }: PlaneDescription): JsonObject {
  const names = [...toTemplate(path).matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  if (names.length === 0) return {};
  const parameters = names.map((name) => {
    const field = params[name];
    if (field === undefined) throw new TypeError(`the plane ${tag} does not say what :${name} is`);
    return toParameter('path', name, { ...field, required: true });
  });
  return { parameters };
}

function toOperation(method: HttpMethod, operation: OperationDescription, plane: PlaneDescription): JsonObject {
  const { id, summary, query = {}, headers = {}, body, answers, refusals } = operation;
  const parameters = [
    ...Object.entries(query).map(([name, field]) => toParameter('query', name, field)),
    ...Object.entries(headers).map(([name, field]) => toParameter('header', name, field)),
  ];
  const form = method === 'HEAD' ? {} : { $ref: `#/components/responses/${refusalName(plane)}` };
  const refuse = (description: string): JsonObject => ({ ...form, description });
  return {
    tags: [plane.tag],
    operationId: id,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: toContent(body) } }),
    responses: {
      ...mapValues(answers, toAnswer),
      401: refuse('No token, or none that is valid.'),
      ...mapValues(refusals, refuse),
      default: refuse('Any other refusal.'),
    },
  };
}

/** The form of every refusal of a plane; what each means stands beside the reference to it. */
function toRefusal({ tag, refusal }: PlaneDescription): JsonObject {
  return { description: `A refusal of ${tag}.`, content: toContent(refusal) };
}

function refusalName({ tag }: PlaneDescription): string {
  return `${tag}Refusal`;
}

function toParameter(where: string, name: string, { description, schema, required, repeats }: FieldDescription): JsonObject {
  const one = schema ?? { type: 'string' };
  return {
    name,
    in: where,
    description,
    ...(required === true ? { required } : {}),
    schema: repeats === true ? { type: 'array', items: one } : one,
  };
}

function toAnswer({ description, headers, content }: AnswerDescription): JsonObject {
  const toHeader = (text: string): JsonObject => ({ description: text, schema: { type: 'string' } });
  return {
    description,
    ...(headers === undefined ? {} : { headers: mapValues(headers, toHeader) }),
    ...(content === undefined ? {} : { content: toContent(content) }),
  };
}

function toContent(schemas: Schemas): JsonObject {
  return mapValues(schemas, (schema) => ({ schema }));
}

function mapValues<From>(
  values: Readonly<Record<string, From>>,
  change: (value: From) => JsonObject,
): Record<string, JsonObject> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
