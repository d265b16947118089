import { connect } from 'node:net';
import { expect, it } from 'vitest';
import type { HttpPlane } from '#base/http-route.ts';
import { answerProblem } from '#base/problem-details.ts';
import type { OpContext } from '#ops/context.ts';
import { startTestServer } from '#test/support/server.ts';

it('has a line for a request whose client left before its answer, and the metrics count it as over', async () => {
  const { promise: isRunning, resolve: run } = Promise.withResolvers<void>();
  const waits = async ({ context }: { context: OpContext }): Promise<void> => {
    run();
    await new Promise((_, reject) => context.signal.addEventListener('abort', reject));
  };
  const plane: HttpPlane<OpContext> = {
    name: 'waiting',
    owns: (path) => path === '/waits',
    routes: [{ path: '/waits', methods: { GET: waits } }],
    answerError: answerProblem,
  };
  await using server = await startTestServer({ planes: [plane] });
  const client = connect(Number(new URL(server.url).port), '127.0.0.1');
  client.write('GET /waits HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await isRunning;
  client.destroy();
  await expect
    .poll(() => server.logged.filter((line) => line['path'] === '/waits'))
    .toMatchObject([{ status: 499, isCut: true }]);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain('vitrine_http_request_seconds_count{method="GET",route="/waits",status="499"} 1');
  // The one that asks.
  expect(metrics).toContain('vitrine_http_requests_in_flight 1\n');
});
