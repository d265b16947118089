import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { errorCatalogue } from '#base/error-catalogue.ts';
import type { JsonObject } from '#base/json.ts';
import { imagePlane } from '#rest/images/image-routes.ts';
import { transferPlane } from '#transfers/transfer-routes.ts';
import { renderOpenApi } from '../../docs/write-tables.ts';
import { root } from './modules.ts';

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, JsonObject>>;
}

const text = renderOpenApi();
const document = JSON.parse(text) as { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([method]) => method !== 'parameters')
    .map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
);

describe('docs/openapi.json', () => {
  it('is written from the route tables', () => {
    expect(readFileSync(join(root, 'docs/openapi.json'), 'utf8')).toBe(text);
  });

  it('is an OpenAPI document', async () => {
    const { valid, errors } = await new Validator().validate(JSON.parse(text));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it('has every method of every route, the Image API under /v2 alone, and nothing besides', () => {
    const routes = [...transferPlane.routes, ...imagePlane.routes.filter(({ path }) => path.startsWith('/v2/'))];
    const served = routes.flatMap(({ path, methods }) =>
      Object.keys(methods).map((method) => `${method} ${path.replace(/:(\w+)/g, '{$1}').replace('*', '{path}')}`),
    );
    expect(served.length).toBeGreaterThan(40);
    const open = ['GET /', 'GET /versions'];
    expect(operations.map(({ name }) => name).toSorted()).toEqual([...served, ...open].toSorted());
  });

  it('gives every operation an id of its own', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('names no status that no error has', () => {
    const known = new Set(Object.values(errorCatalogue).map(({ status }) => String(status)));
    const refusals = operations.flatMap(({ name, operation }) =>
      Object.keys(operation.responses)
        .filter((status) => status.startsWith('4') || status.startsWith('5'))
        .filter((status) => !known.has(status))
        .map((status) => `${name} ${status}`),
    );
    expect(refusals).toEqual([]);
  });
});
