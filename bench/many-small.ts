/**
 * Many small blobs: drafts of 100 blobs of 4 KiB each, made, negotiated, sent in packs as `vitrine push` does, and published, so
 * many a second; beside a bare server that writes and fsyncs each body, asked by the same client with as many requests at once.
 * For information: the same with a request of its own for each blob.
 *
 *   node bench/many-small.ts [--blobs 10000] [--per-artifact 100] [--parallel 16] [--rounds 3]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { inParallel } from '#cli/in-parallel.ts';
import { packEnd, packHeader, packPadding } from '#cli/pack-tar.ts';
import { packMediaType } from '#core/pack.ts';
import { startVitrine } from '#test/support/vitrine-process.ts';
import { median, printMachine, printSeries, printTargets } from './report.ts';

const { values: flags } = parseArgs({
  options: {
    blobs: { type: 'string', default: '10000' },
    'per-artifact': { type: 'string', default: '100' },
    parallel: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '3' },
  },
});
const blobBytes = 4096;
const blobCount = Number(flags.blobs);
const perArtifact = Number(flags['per-artifact']);
const parallel = Number(flags.parallel);
const { signal } = new AbortController();
/** Drafts at once; each sends its share of the requests in flight. */
const drafts = Math.max(1, Math.min(4, parallel));
const agent = new Agent({ keepAlive: true, maxSockets: parallel });

async function send(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer | string,
): Promise<string> {
  const sent = request(url, { method, agent, headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) } });
  sent.end(body);
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const piece of response) text += piece;
  if (response.statusCode >= 300) throw new Error(`${method} ${url}: ${response.statusCode} ${text.slice(0, 300)}`);
  return text;
}

/** Every blob has bytes of its own: nothing is there already. */
function makeBlobs(): Buffer[] {
  return Array.from({ length: blobCount }, () => randomBytes(blobBytes));
}

async function measureReference(folder: string, round: number): Promise<Measured> {
  const script = join(import.meta.dirname, 'many-small-reference.ts');
  const child = spawn(process.execPath, [script, join(folder, `bare-${round}`)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const url = `http://127.0.0.1:${(await lines.next()).value}/`;
  const blobs = makeBlobs();
  const began = performance.now();
  await inParallel(blobs, { parallel, signal }, (bytes) => send(url, 'PUT', {}, bytes));
  const measured = { perSecond: (1000 * blobCount) / (performance.now() - began), peakMib: peakMib(child) };
  child.kill('SIGTERM');
  await once(child, 'exit');
  return measured;
}

interface Measured {
  readonly perSecond: number;
  readonly peakMib: number;
}

type Way = 'packs' | 'requests';

async function measureVitrine(url: string, child: ChildProcess, round: number, way: Way): Promise<Measured> {
  const blobs = makeBlobs();
  const began = performance.now();
  const starts = Array.from({ length: Math.ceil(blobCount / perArtifact) }, (_, index) => index * perArtifact);
  await inParallel(starts, { parallel: drafts, signal }, (start) =>
    pushOne(url, `many-${way}-${round}-${start}`, blobs.slice(start, start + perArtifact), way),
  );
  return { perSecond: (1000 * blobCount) / (performance.now() - began), peakMib: peakMib(child) };
}

interface NegotiatedBlob {
  readonly upload: { readonly putUrl: string };
}

/** The size of a pack of `vitrine push`. */
const packBlobs = 100;

async function pushOne(url: string, name: string, blobs: readonly Buffer[], way: Way): Promise<void> {
  const { artifact } = await mutate<{ artifact: { id: string } }>(
    url,
    'createArtifact',
    '... on ArtifactPayload { artifact { id } }',
    { type: 'bundle', name, version: '1.0.0' },
  );
  const offered = blobs.map((bytes, index) => ({
    ...{ slot: 'files', path: `file-${index}`, sizeBytes: bytes.length, mediaType: 'application/octet-stream' },
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }));
  const { blobs: answers, packUrl } = await mutate<{ blobs: NegotiatedBlob[]; packUrl: string }>(
    url,
    'negotiateUploads',
    '... on NegotiateUploadsPayload { blobs { upload { putUrl } } packUrl }',
    { artifactId: artifact.id, blobs: offered },
  );
  if (way === 'packs') {
    for (let start = 0; start < offered.length; start += packBlobs) {
      const entries = offered.slice(start, start + packBlobs);
      const pieces = entries.flatMap((entry, index) => [
        packHeader(entry),
        blobs[start + index] ?? Buffer.alloc(0),
        packPadding(entry.sizeBytes),
      ]);
      const body = Buffer.concat([...pieces, packEnd]);
      const { members } = JSON.parse(await send(`${url}${packUrl}`, 'POST', { 'content-type': packMediaType }, body));
      const refused = members.find((member: { problem?: object }) => member.problem !== undefined);
      if (refused !== undefined) throw new Error(JSON.stringify(refused));
    }
  } else
    await inParallel(answers, { parallel: parallel / drafts, signal }, async ({ upload }) => {
      const bytes = blobs[answers.findIndex((answer) => answer.upload === upload)] ?? Buffer.alloc(0);
      await send(`${url}${upload.putUrl}`, 'PUT', { 'content-type': 'application/octet-stream' }, bytes);
    });
  await mutate(url, 'publishArtifact', '... on ArtifactPayload { artifact { state } }', { id: artifact.id });
}

async function mutate<Payload>(url: string, name: string, fields: string, input: object): Promise<Payload> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ... on Error { code message } ${fields} } }`;
  const answer = await send(
    `${url}/graphql`,
    'POST',
    { 'content-type': 'application/json' },
    JSON.stringify({ query, variables: { input } }),
  );
  const result = JSON.parse(answer).data?.[name];
  if (result?.code !== undefined || result === undefined) throw new Error(answer.slice(0, 500));
  return result;
}

/** The largest the process has been in memory (VmHWM), MiB. */
function peakMib(child: ChildProcess): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) / 1024;
}

printMachine();
const folder = await mkdtemp(join(tmpdir(), 'vitrine-many-'));
try {
  await using vitrine = await startVitrine({ dataDir: join(folder, 'data') });
  const reference: Measured[] = [];
  const measured: Measured[] = [];
  const one: Measured[] = [];
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    reference.push(await measureReference(folder, round));
    measured.push(await measureVitrine(vitrine.url, vitrine.child, round, 'packs'));
    one.push(await measureVitrine(vitrine.url, vitrine.child, round, 'requests'));
  }
  const rates = measured.map(({ perSecond }) => perSecond);
  const bare = reference.map(({ perSecond }) => perSecond);
  printSeries('reference: a bare server, a file and an fsync each', bare, 'blobs/s');
  printSeries('negotiated, sent in packs, published', rates, 'blobs/s');
  printSeries(
    'for information: sent in a request each',
    one.map(({ perSecond }) => perSecond),
    'blobs/s',
  );
  printSeries(
    'memory at most, the bare server',
    reference.map((run) => run.peakMib),
    'MiB',
  );
  printSeries(
    'memory at most, Vitrine',
    measured.map((run) => run.peakMib),
    'MiB',
  );
  const ratios = rates.map((rate, round) => rate / (bare[round] ?? Number.NaN));
  printTargets([{ name: 'Vitrine / bare server', value: median(ratios), atLeast: 0.3 }]);
} finally {
  agent.destroy();
  await rm(folder, { recursive: true, force: true });
}
