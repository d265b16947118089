/** How a client speaks to a server that may fail or die under it: what is lost, what is refused, and what is worth another try. */
import { LostConnection, Refused } from './fault-errors.ts';
import type { Answer, World } from './fault-world.ts';

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** Whatever a server in order does not answer. */
const serverCodes = new Set(['INTERNAL', 'STORE_UNAVAILABLE', 'DATABASE_UNAVAILABLE']);

/** @throws LostConnection, Refused */
export async function request(world: World, method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
  let response: Response;
  let text: string;
  try {
    const { headers = {}, body } = options;
    const sent = typeof body === 'object' ? new Uint8Array(body) : body;
    const init = { method, headers: { connection: 'close', ...headers }, ...(sent === undefined ? {} : { body: sent }) };
    response = await fetch(`${world.server.url()}${path}`, init);
    text = await response.text();
  } catch (cause) {
    throw new LostConnection(`${method} ${path}`, { cause });
  }
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  const json = isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {};
  if (response.status < 400) return { status: response.status, headers: response.headers, json };
  const code = typeof json['code'] === 'string' ? json['code'] : String(response.status);
  refuse(world, `${method} ${path}`, response.status, code);
  throw new Refused(response.status, code, `${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
}

/** The one member of the answer's data, a payload. @throws LostConnection, Refused */
export async function mutate<Payload>(world: World, name: string, input: object, selection: string): Promise<Payload> {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input!`;
  const query = `mutation ($input: ${type}) { ${name}(input: $input) { __typename ... on Error { code message } ${selection} } }`;
  const body = JSON.stringify({ query, variables: { input } });
  const { json } = await request(world, 'POST', '/graphql', { headers: { 'content-type': 'application/json' }, body });
  const { data, errors } = json as { data?: Record<string, Record<string, unknown>>; errors?: readonly GraphqlFault[] };
  const payload = data?.[name];
  const code = errors?.[0]?.extensions?.code ?? (payload?.['code'] as string | undefined);
  if (payload !== undefined && payload !== null && code === undefined) return payload as Payload;
  refuse(world, name, 200, code ?? 'none');
  throw new Refused(200, code ?? 'none', `${name}: ${JSON.stringify(json).slice(0, 300)}`);
}

interface GraphqlFault {
  readonly extensions?: { readonly code?: string };
}

function refuse(world: World, what: string, status: number, code: string): void {
  if (status >= 500 || serverCodes.has(code)) world.failures.push(`${what}: ${status} ${code}`);
}
