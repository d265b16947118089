import { describe, expect, it } from 'vitest';
import { startTestServer } from '#test/support/server.ts';

describe('an address that cannot be had', () => {
  it('is refused with what to do, for the server and for its metrics, and leaves nothing open', async () => {
    await using first = await startTestServer();
    const taken = { host: '127.0.0.1', port: Number(new URL(first.url).port) };
    const refusal = { code: 'ADDRESS_UNAVAILABLE', message: expect.stringContaining(`127.0.0.1:${taken.port}`) };
    await expect(startTestServer({ http: taken })).rejects.toMatchObject(refusal);
    await expect(startTestServer({ http: { metricsAddress: taken } })).rejects.toMatchObject(refusal);
    expect((await fetch(`${first.url}/healthz`)).status).toBe(200);
  });

  it('is refused when this machine does not have it, at once: there is nobody to be given notice', async () => {
    // TEST-NET-3 (RFC 5737) is nobody's.
    const http = { host: '203.0.113.1', drainNoticeMs: 3_600_000 };
    await expect(startTestServer({ http })).rejects.toMatchObject({ code: 'ADDRESS_UNAVAILABLE' });
  });
});
