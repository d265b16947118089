import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '#base/app-error.ts';
import { type ErrorCode, errorCatalogue } from '#base/error-catalogue.ts';
import type { HttpPlane } from '#base/http-route.ts';
import type { OpContext } from '#ops/context.ts';
import { toErrorStatus } from '#rest/images/image-error-status.ts';
import { answerImageError, chooseShape } from '#rest/images/image-errors.ts';
import { imagePlane } from '#rest/images/image-routes.ts';
import { startTestServer, type TestServer } from '#test/support/server.ts';

describe('the shape of an error', () => {
  it.each([
    [undefined, 'html'],
    ['*/*', 'html'],
    ['text/html', 'html'],
    ['application/json', 'json'],
    ['application/json, */*', 'html'],
    ['application/json, */*;q=0.5', 'json'],
    ['text/html;q=0.2, application/json', 'json'],
    ['text/*, application/json;q=0.9', 'html'],
    ['application/json;q=0, */*', 'html'],
    ['APPLICATION/JSON; charset=utf-8', 'json'],
    ['', 'text'],
    ['text/plain', 'text'],
    ['application/octet-stream', 'text'],
    ['nonsense;;q=;,', 'text'],
  ])('for Accept %o is %s', (accept, shape) => {
    expect(chooseShape(accept)).toBe(shape);
  });
});

/** What the documents of this API name for any of its routes, and what HTTP itself adds. */
const known: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 408, 409, 410, 412, 413, 415, 416, 429, 500, 503]);

describe('the status of an error', () => {
  const codes = Object.keys(errorCatalogue) as ErrorCode[];
  const statusOf = (code: ErrorCode, method = 'GET', route?: string): number => toErrorStatus(new AppError(code), method, route);

  it.each(codes)('for %s is one that clients of this API know', (code) => {
    const methods = ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'];
    const routes = [undefined, ...imagePlane.routes.map((route) => route.path)];
    const statuses = methods.flatMap((method) => routes.map((route) => statusOf(code, method, route)));
    expect(statuses.filter((status) => !known.has(status))).toEqual([]);
  });

  it.each([
    ['STATE_CONFLICT', 'PUT', '/v2/images/:id/file', 409],
    ['STATE_CONFLICT', 'DELETE', '/v2/images/:id', 400],
    ['STATE_CONFLICT', 'PATCH', '/v2/images/:id', 409],
    ['STATE_CONFLICT', 'POST', '/v2.3/images/:id/actions/deactivate', 403],
    ['STATE_CONFLICT', 'POST', '/v2.18/images/:id/actions/reactivate', 403],
    ['ARTIFACT_DELETED', 'PUT', '/v2/images/:id/file', 410],
    ['ARTIFACT_DELETED', 'DELETE', '/v2/images/:id', 404],
    ['ARTIFACT_PROTECTED', 'DELETE', '/v2/images/:id', 403],
    ['BLOB_REFUSED', 'PUT', '/v2.7/images/:id/file', 415],
    ['STORE_FULL', 'PUT', '/v2/images/:id/file', 413],
    ['METHOD_NOT_ALLOWED', 'PUT', undefined, 405],
  ] as const)('%s of %s %s is %i', (code, method, route, status) => {
    expect(statusOf(code, method, route)).toBe(status);
  });
});

describe('an error that a handler throws', () => {
  const thrown: Readonly<Record<string, AppError>> = {
    one: new AppError('PROPERTIES_INVALID', undefined, { faults: [{ pointer: '/min_disk', message: 'must be >= 0' }] }),
    many: new AppError('PROPERTIES_INVALID', undefined, {
      faults: Array.from({ length: 7 }, (_, index) => ({ pointer: `/p${index}`, message: 'is <wrong>' })),
    }),
    said: new AppError('INPUT_INVALID', 'The name must be text.', { faults: [{ pointer: '/name', message: 'must be text' }] }),
    whole: new AppError('INPUT_INVALID', undefined, { faults: [{ pointer: '', message: 'must be an object' }] }),
  };
  const plane: HttpPlane<OpContext> = {
    name: 'refusals',
    owns: (path) => path.startsWith('/refusals/'),
    routes: [{ path: '/refusals/:name', methods: { GET: ({ params }) => Promise.reject(thrown[params['name'] ?? '']) } }],
    answerError: answerImageError,
  };
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ planes: [plane] });
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const ask = async (name: string, accept: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${server.url}/refusals/${name}`, { headers: { accept } });
    return { status: response.status, text: await response.text() };
  };

  it('says its faults in the sentence, for its clients show nothing else', async () => {
    expect(await ask('one', 'text/plain')).toEqual({
      status: 400,
      text: '400 Bad Request\n\nThe properties do not satisfy the type. min_disk must be >= 0.\n',
    });
    expect((await ask('whole', 'text/plain')).text).toContain('The input is not valid. must be an object.');
  });

  it('does not say twice what the sentence says already', async () => {
    expect((await ask('said', 'text/plain')).text).toBe('400 Bad Request\n\nThe name must be text.\n');
  });

  it('says how many more there are, escaped where the shape is markup', async () => {
    const { text } = await ask('many', 'text/html');
    expect(text).toContain('p0 is &lt;wrong&gt;; ');
    expect(text).toContain('p4 is &lt;wrong&gt;; and 2 more.');
    expect(text).not.toContain('p5');
  });
});
