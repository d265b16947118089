/** Holds answers of a running server to what the OpenAPI document says of them. */
import type { IncomingHttpHeaders } from 'node:http';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { default as addFormats } from 'ajv-formats';
import { renderOpenApi } from '../../docs/write-tables.ts';

export interface SeenAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface DescribedAnswer {
  readonly content?: Readonly<Record<string, object>>;
  readonly headers?: Readonly<Record<string, object>>;
  readonly $ref?: string;
}

interface DescribedOperation {
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, DescribedAnswer>>;
}

export interface OpenApiChecker {
  /** `GET /v2/images/{id} 200` for every answer that the document names of these paths, `default` apart. */
  answers(isPart: (path: string) => boolean): readonly string[];
  /** Whether the operation, as `GET /v2/images/{id}`, takes a body. */
  takesBody(operation: string): boolean;
  /** Everything in which the answer is not as the document says of that operation; none: it is. */
  faultsOf(operation: string, answer: SeenAnswer): readonly string[];
}

/** Where answers have an ETag only where there is one, and the like: fields that may be missing. */
const occasional: ReadonlySet<string> = new Set(['upload-expires', 'upload-length', 'content-range', 'content-length']);

export function createOpenApiChecker(): OpenApiChecker {
  const document = JSON.parse(renderOpenApi()) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
    readonly components: { readonly responses: Readonly<Record<string, DescribedAnswer>> };
  };
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  // A CommonJS module, whose function is its `default`.
  addFormats.default(ajv);
  ajv.addSchema(document, 'openapi');
  const operationOf = (name: string): DescribedOperation => {
    const [method = '', path = ''] = name.split(' ');
    const operation = document.paths[path]?.[method.toLowerCase()];
    if (operation === undefined) throw new Error(`the document has no ${name}`);
    return operation;
  };

  function faultsOf(name: string, { status, headers, text }: SeenAnswer): readonly string[] {
    const stated = operationOf(name).responses[status];
    if (stated === undefined) return [`${name} is not said to answer ${status}: ${text.slice(0, 300)}`];
    const shared = stated.$ref?.split('/').at(-1);
    const described = shared === undefined ? stated : (document.components.responses[shared] ?? {});
    const missing = Object.keys(described.headers ?? {}).filter(
      (field) => !occasional.has(field.toLowerCase()) && headers[field.toLowerCase()] === undefined,
    );
    return [...missing.map((field) => `${status} lacks ${field}`), ...bodyFaults(described, status, headers, text)];
  }

  function bodyFaults(described: DescribedAnswer, status: number, headers: IncomingHttpHeaders, text: string): readonly string[] {
    const contents = described.content;
    if (contents === undefined) return text === '' ? [] : [`${status} is said to have no body: ${text.slice(0, 300)}`];
    const type = headers['content-type']?.split(';', 1)[0] ?? 'none';
    const content = contents[type] ?? contents['*/*'];
    if (content === undefined) return [`${status} is said to be ${Object.keys(contents).join(', ')}, not ${type}`];
    if (!type.endsWith('json')) return [];
    const { schema } = content as { readonly schema: object };
    // References within it are to the whole document.
    const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components')));
    validate(JSON.parse(text));
    return (validate.errors ?? []).map(({ instancePath, message }) => `${status} ${instancePath} ${message}`);
  }

  return {
    answers: (isPart) =>
      Object.entries(document.paths)
        .filter(([path]) => isPart(path))
        .flatMap(([path, item]) =>
          Object.entries(item)
            .filter(([method]) => method !== 'parameters')
            .flatMap(([method, { responses }]) =>
              Object.keys(responses)
                .filter((status) => status !== 'default')
                .map((status) => `${method.toUpperCase()} ${path} ${status}`),
            ),
        ),
    takesBody: (name) => operationOf(name).requestBody !== undefined,
    faultsOf,
  };
}
