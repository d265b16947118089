import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startVitrine, type VitrineProcess } from '#test/support/vitrine-process.ts';

async function createDraft({ url }: VitrineProcess): Promise<string> {
  const query = 'mutation { createArtifact(input: { type: "bundle" }) { ... on ArtifactPayload { artifact { id } } } }';
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }) };
  const answer = (await (await fetch(`${url}/graphql`, init)).json()) as {
    data: { createArtifact: { artifact: { id: string } } };
  };
  return answer.data.createArtifact.artifact.id;
}

/** An upload of which four of eight bytes have come. */
async function beginUpload(vitrine: VitrineProcess) {
  const path = `/api/v1/artifacts/${await createDraft(vitrine)}/slots/files/a`;
  const headers = { 'content-length': 8, expect: '100-continue' };
  const request = httpRequest({ port: new URL(vitrine.url).port, host: '127.0.0.1', method: 'PUT', path, headers });
  request.flushHeaders();
  await once(request, 'continue');
  request.write('half');
  return request;
}

describe('a server that is told to stop', () => {
  it('lets an upload that runs end whole, takes nothing new, and exits with 0, its database with it', async () => {
    await using vitrine = await startVitrine();
    const upload = await beginUpload(vitrine);
    vitrine.child.kill('SIGTERM');
    await expect
      .poll(() =>
        fetch(vitrine.url).then(
          () => 'open',
          () => 'closed',
        ),
      )
      .toBe('closed');
    upload.end('half');
    const [response] = await once(upload, 'response');
    response.resume();
    expect(response.statusCode).toBe(201);
    if (vitrine.child.exitCode === null) await once(vitrine.child, 'exit');
    expect(vitrine.child.exitCode).toBe(0);
    // Started again on the same folder, it finds a database that was shut down, and what it had answered.
    await using again = await startVitrine({ dataDir: vitrine.dataDir });
    const path = upload.path;
    expect(await (await fetch(`${again.url}${path}`)).text()).toBe('halfhalf');
  }, 120_000);

  it('cuts what still runs at the second signal', async () => {
    await using vitrine = await startVitrine();
    const upload = await beginUpload(vitrine);
    const cut = once(upload, 'error');
    vitrine.child.kill('SIGTERM');
    await sleep(300);
    expect(vitrine.child.exitCode).toBeNull();
    vitrine.child.kill('SIGTERM');
    await cut;
    if (vitrine.child.exitCode === null) await once(vitrine.child, 'exit');
    expect(vitrine.child.exitCode).toBe(0);
  }, 120_000);
});
