/** `fetch` as a browser does it for a page: asks before it sends, and shows the page what it is given leave to see (Fetch standard, CORS). */

export type PageFetch = (url: string, init?: PageRequest) => Promise<Response>;

interface PageRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

const simpleMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST']);
const sentUnasked: ReadonlySet<string> = new Set(['accept', 'accept-language', 'content-language']);
const simpleTypes: ReadonlySet<string> = new Set(['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain']);
const readUnasked: ReadonlySet<string> = new Set([
  ...['cache-control', 'content-language', 'content-length', 'content-type', 'expires', 'last-modified', 'pragma'],
]);

/** @returns what rejects with a TypeError, as in a browser, where the page of `origin` may not call, or not read the answer */
export function createPageFetch(origin: string): PageFetch {
  return async (url, { method = 'GET', headers = {}, body } = {}) => {
    const unsafe = Object.entries(headers)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name, value]) => !(sentUnasked.has(name) || (name === 'content-type' && simpleTypes.has(value))))
      .map(([name]) => name)
      .sort();
    if (!simpleMethods.has(method) || unsafe.length > 0) await ask(url, origin, method, unsafe);
    const answer = await fetch(url, { method, headers: { ...headers, origin }, ...(body === undefined ? {} : { body }) });
    assertOrigin(answer, origin);
    const exposed = listOf(answer, 'access-control-expose-headers');
    const shown = [...answer.headers].filter(([name]) => readUnasked.has(name) || exposed.has(name));
    const bytes = await answer.arrayBuffer();
    return new Response(bytes.byteLength === 0 ? null : bytes, { status: answer.status, headers: shown });
  };
}

async function ask(url: string, origin: string, method: string, unsafe: readonly string[]): Promise<void> {
  const headers = { origin, 'access-control-request-method': method, 'access-control-request-headers': unsafe.join(',') };
  const answer = await fetch(url, { method: 'OPTIONS', headers });
  await answer.arrayBuffer();
  if (!answer.ok) throw new TypeError(`the preflight was answered ${answer.status}`);
  assertOrigin(answer, origin);
  // As browsers do: methods by case, fields not.
  const methods = (answer.headers.get('access-control-allow-methods') ?? '').split(',').map((one) => one.trim());
  if (!simpleMethods.has(method) && !methods.includes(method)) throw new TypeError(`${method} is not allowed`);
  const fields = listOf(answer, 'access-control-allow-headers');
  const refused = unsafe.filter((name) => !fields.has(name));
  if (refused.length > 0) throw new TypeError(`not allowed: ${refused.join(', ')}`);
}

function assertOrigin(answer: Response, origin: string): void {
  const allowed = answer.headers.get('access-control-allow-origin');
  if (allowed !== '*' && allowed !== origin) throw new TypeError(`the answer is for ${allowed ?? 'no other origin'}`);
}

function listOf(answer: Response, field: string): ReadonlySet<string> {
  return new Set((answer.headers.get(field) ?? '').split(',').map((name) => name.trim().toLowerCase()));
}
