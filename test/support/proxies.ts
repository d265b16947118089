/** nginx and HAProxy on free loopback ports with the files of deploy/, in which only servers, ports, names and certificate are replaced. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../house/modules.ts';
import { makeCertificate } from './certificate.ts';
import { freePort } from './free-port.ts';
import { findExecutable } from './suites.ts';

/** Debian puts servers where an ordinary PATH does not look. */
const find = (name: string): string | undefined =>
  findExecutable(name) ?? ['/usr/sbin', '/usr/local/sbin'].map((folder) => findExecutable(join(folder, name))).find(Boolean);

const tools = { nginx: find('nginx'), haproxy: find('haproxy'), openssl: find('openssl') };

export const missingProxies: readonly string[] = Object.entries(tools).flatMap(([name, path]) =>
  path === undefined ? [name] : [],
);

export const proxyKinds = ['nginx', 'haproxy'] as const;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface AskOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer | string | Readable;
}

export interface StartedProxy extends AsyncDisposable {
  /** `https://localhost:<port>` */
  readonly url: string;
  /** Of plain HTTP. */
  readonly port: number;
  /** What it keeps files in. */
  readonly folder: string;
  /** One request over a TLS connection of its own, the certificate checked. */
  ask(path: string, options?: AskOptions): Promise<Answer>;
  /** As an operator does before a node is stopped. HAProxy asks nodes itself whether they stay; nginx has to be told. */
  takeOut(node: string): void;
}

/** @param nodes two addresses, as `127.0.0.1:<port>` */
export async function startProxy(kind: (typeof proxyKinds)[number], nodes: readonly [string, string]): Promise<StartedProxy> {
  const folder = mkdtempSync(join(tmpdir(), `vitrine-${kind}-`));
  const [port, tlsPort] = [await freePort(), await freePort()];
  const ca = makeCertificate(tools.openssl ?? '', folder);
  const place = { folder, port, tlsPort, nodes };
  const child = kind === 'nginx' ? spawnNginx(place) : spawnHaproxy(place);
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await untilListening(tlsPort, child, () => output);
  const url = `https://localhost:${tlsPort}`;
  return {
    url,
    port,
    folder,
    takeOut(node) {
      if (kind === 'haproxy') return;
      const site = join(folder, 'site.conf');
      writeFileSync(site, readFileSync(site, 'utf8').replace(`server ${node} `, `server ${node} down `));
      child.kill('SIGHUP');
    },
    ask: (path, options = {}) => ask({ hostname: 'localhost', port: tlsPort, path, ca }, options),
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit');
      // nginx ends its workers with it.
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly nodes: readonly [string, string];
}

function spawnNginx({ folder, port, tlsPort, nodes }: Place): ChildProcess {
  const site = adapt('nginx.conf', {
    '10.0.0.11:9292': nodes[0],
    '10.0.0.12:9292': nodes[1],
    'listen 80;': `listen 127.0.0.1:${port};`,
    'listen 443 ssl;': `listen 127.0.0.1:${tlsPort} ssl;`,
    'server_name images.example.org;': 'server_name localhost;',
    '/etc/ssl/vitrine/fullchain.pem': join(folder, 'certificate.pem'),
    '/etc/ssl/vitrine/privkey.pem': join(folder, 'key.pem'),
  });
  writeFileSync(join(folder, 'site.conf'), site);
  // What it gathers of bodies would be found in `gathered`.
  mkdirSync(join(folder, 'gathered'));
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/gathered;`);
  const main = `daemon off; worker_processes 1; user ${userInfo().username}; pid ${folder}/pid; error_log stderr warn;
    events {} http { access_log off; ${paths.join(' ')} include ${folder}/site.conf; }`;
  writeFileSync(join(folder, 'nginx.conf'), main);
  return spawn(tools.nginx ?? '', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'pipe', 'pipe'] });
}

function spawnHaproxy({ folder, port, tlsPort, nodes }: Place): ChildProcess {
  const settings = adapt('haproxy.cfg', {
    '10.0.0.11:9292': nodes[0],
    '10.0.0.12:9292': nodes[1],
    'bind :80\n': `bind 127.0.0.1:${port}\n`,
    'bind :443 ssl': `bind 127.0.0.1:${tlsPort} ssl`,
    '/etc/haproxy/vitrine.pem': join(folder, 'both.pem'),
  });
  writeFileSync(join(folder, 'haproxy.cfg'), settings);
  return spawn(tools.haproxy ?? '', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The file as it is shipped, each replacement made wherever its text stands; it must stand somewhere. */
function adapt(file: string, replacements: Readonly<Record<string, string>>): string {
  let text = readFileSync(join(root, 'deploy', file), 'utf8');
  for (const [from, to] of Object.entries(replacements)) {
    if (!text.includes(from)) throw new Error(`deploy/${file} has no ${from.trim()}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/** The path as it is said: a URL would make one of `..` and of what stands for it. */
async function ask(target: RequestOptions, { method = 'GET', headers = {}, body }: AskOptions): Promise<Answer> {
  const request = httpsRequest({ ...target, method, headers, agent: false });
  const answered = once(request, 'response');
  if (body instanceof Readable) {
    // A refusal may come while this still sends; then the rest has nowhere to go.
    body.on('error', () => undefined);
    body.pipe(request);
  } else request.end(body);
  const [response] = await answered;
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

async function untilListening(port: number, child: ChildProcess, output: () => string): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 50) {
    if (child.exitCode !== null) throw new Error(`the proxy ended with ${child.exitCode}:\n${output()}`);
    const socket = connect(port, '127.0.0.1');
    const isUp = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return;
    await sleep(50);
  }
  throw new Error(`the proxy does not listen:\n${output()}`);
}
