import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { currentTraceparent, inSpan, noteSpan } from '#base/tracing.ts';
import { openTracing } from '#http/open-tracing.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { startTestServer } from '#test/support/server.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly status?: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

/** Takes OTLP over HTTP as JSON, and keeps the spans. */
async function startCollector() {
  const spans: Span[] = [];
  const server = createServer((request, response) => {
    json(request).then((body) => {
      const { resourceSpans } = body as Export;
      for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    }, console.error);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    spans,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('a trace', () => {
  it('shows an upload from its request to its commit, as part of its sender’s trace, which its event carries on', async () => {
    await using collector = await startCollector();
    await using server = await startTestServer();
    const owner = await server.tokenFor('own', 'member');
    const { id } = await createArtifact(server.actAs('own'), { type: 'kit', name: 'traced', version: '1.0.0' });
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const tracing = openTracing({ url: collector.url, sampleRatio: 0 });
    const url = `${server.url}/api/v1/artifacts/${id}/slots/main`;
    const headers = { ...owner, traceparent: `00-${traceId}-00f067aa0ba902b7-01`, 'content-type': 'text/plain' };
    const response = await fetch(url, { method: 'PUT', headers, body: 'x'.repeat(300_000) });
    expect(response.status).toBe(201);
    const missing = await fetch(`${url}x`, { headers });
    expect(missing.status).toBe(404);
    // Of a trace that begins here: the ratio says no.
    await fetch(`${server.url}/api/v1/artifacts/${id}/slots/main`, { headers: owner });
    await tracing[Symbol.asyncDispose]();

    expect(new Set(collector.spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    const [upload] = collector.spans.filter(({ name }) => name === 'PUT /api/v1/artifacts/:id/slots/:slot');
    expect(upload).toMatchObject({ parentSpanId: '00f067aa0ba902b7' });
    expect(upload?.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: 201 } });
    const below = (parent: Span | undefined): readonly Span[] =>
      collector.spans.filter(({ parentSpanId }) => parentSpanId === parent?.spanId).flatMap((span) => [span, ...below(span)]);
    const names = below(upload).map(({ name }) => name);
    // The bytes, then the statement that attaches them, then the commit that makes it known.
    expect(
      names.slice(names.indexOf('store write')).filter((name) => /^(store write|sql attach-.*|sql COMMIT)$/.test(name)),
    ).toEqual(['store write', 'sql attach-new-blob', 'sql COMMIT']);
    const failed = collector.spans.find(({ name }) => name === 'GET /api/v1/artifacts/:id/slots/:slot');
    expect(failed?.status?.code).toBe(2);
    expect(JSON.stringify(collector.spans)).not.toContain(owner.authorization.slice(-20));

    const [event] = await server.services.db.query<{ traceparent: string }>({
      text: `SELECT traceparent FROM event WHERE subject_id = '${id}' ORDER BY id DESC LIMIT 1`,
    });
    expect(event?.traceparent).toBe(`00-${traceId}-${upload?.spanId}-01`);
  });

  it('of a collector that is away holds up neither requests nor the end', async () => {
    await using server = await startTestServer();
    const tracing = openTracing({ url: 'http://127.0.0.1:9/v1/traces', sampleRatio: 1 });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    await tracing[Symbol.asyncDispose]();
  });

  it('costs nothing where there is none: work runs as it is', async () => {
    expect(await inSpan('name', {}, async (span) => span)).toBeUndefined();
    noteSpan('name', 1, {});
    expect(currentTraceparent()).toBeUndefined();
  });
});
