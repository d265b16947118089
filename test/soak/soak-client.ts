/** How the soak's clients talk to two nodes: to either, and to the other when the connection breaks because one was killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from './soak-ledger.ts';
import type { SoakNode } from './soak-servers.ts';

const requestDeadlineMs = 120_000;
const goOnForMs = 180_000;

export interface Reply {
  readonly status: number;
  /** Of a refusal. */
  readonly code: string | undefined;
  readonly headers: Headers;
  readonly body: Buffer;
  /** Asked before, of a node that was killed then: it may have done it all the same. */
  readonly isRepeated: boolean;
}

interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
  /** Whether a broken connection is excused for another reason. */
  readonly isExcused?: () => boolean;
}

interface Mutated {
  /** Undefined: it was done. */
  readonly code: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: answers of several shapes, looked into right where they are asked for
  readonly result: any;
  readonly isRepeated: boolean;
}

export interface SoakClient {
  send(method: string, path: string, asked?: Asked): Promise<Reply>;
  /** One field of a document, with its one input. */
  mutate(field: string, input: object, selection?: string): Promise<Mutated>;
  query(text: string, variables?: object): Promise<Mutated>;
}

export function createSoakClient(nodes: readonly SoakNode[], ledger: Ledger): SoakClient {
  const send: SoakClient['send'] = async (method, path, asked = {}) => {
    const until = performance.now() + goOnForMs;
    for (let isRepeated = false; performance.now() < until; ) {
      const node = pick(nodes);
      if (node === undefined) {
        await sleep(100);
        continue;
      }
      const startedAt = performance.now();
      try {
        return { ...(await exchange(`${node.url}${path}`, method, asked)), isRepeated };
      } catch (error) {
        if (asked.isExcused?.() === true) throw error;
        if (!node.wasDownSince(startedAt)) {
          const cause = error instanceof Error ? (error.cause ?? error) : error;
          throw new Error(`${method} ${path}: the connection to a living node broke: ${String(cause)}`);
        }
        ledger.count('connections to a killed node');
        isRepeated = true;
        await sleep(50);
      }
    }
    throw new Error(`${method} ${path}: no answer within ${goOnForMs} ms`);
  };
  const query: SoakClient['query'] = async (text, variables = {}) => {
    const headers = { 'content-type': 'application/json' };
    const { body, isRepeated } = await send('POST', '/graphql', { headers, body: JSON.stringify({ query: text, variables }) });
    const { data, errors } = JSON.parse(body.toString()) as GraphqlAnswer;
    if (errors !== undefined)
      return { code: errors[0]?.extensions?.code ?? String(errors[0]?.message), result: data, isRepeated };
    return { code: undefined, result: data, isRepeated };
  };
  return {
    send,
    query,
    async mutate(field, input, selection = '... on ArtifactPayload { artifact { id state revision } }') {
      const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input`;
      const text = `mutation ($input: ${type}!) { result: ${field}(input: $input) { ... on Error { code message } ${selection} } }`;
      const answer = await query(text, { input });
      const result = answer.result?.result;
      return { ...answer, code: answer.code ?? result?.code, result };
    },
  };
}

interface GraphqlAnswer {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

function pick(nodes: readonly SoakNode[]): SoakNode | undefined {
  const up = nodes.filter(({ isUp }) => isUp);
  return up[Math.floor(Math.random() * up.length)];
}

async function exchange(url: string, method: string, { headers = {}, body }: Asked): Promise<Omit<Reply, 'isRepeated'>> {
  const response = await fetch(url, {
    method,
    headers,
    signal: AbortSignal.timeout(requestDeadlineMs),
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') === true;
  const code = isProblem ? (JSON.parse(bytes.toString()) as { code: string }).code : undefined;
  const untyped = response.status >= 400 && method !== 'HEAD' ? `untyped ${response.status}` : undefined;
  return { status: response.status, code: code ?? untyped, headers: response.headers, body: bytes };
}
