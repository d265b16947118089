/** A real Keystone for tests: Debian's, on a free loopback port and an SQLite of its own, with the roles and the admin of its bootstrap. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { findExecutable } from './suites.ts';

export interface KeystoneServer extends AsyncDisposable {
  /** With `/v3`. */
  readonly url: string;
  readonly region: string;
  /** Of the user `admin` with role `admin` on project `admin`, all in the domain `Default`. */
  readonly adminPassword: string;
  /** Kills it, and keeps what it has. */
  kill(): Promise<void>;
  /** With what it has, under the same address; new tokens may be valid for another time. */
  restart(options?: KeystoneOptions): Promise<void>;
}

export interface KeystoneOptions {
  /** How long tokens are valid; default one hour. */
  readonly tokenSeconds?: number;
}

const programs = ['keystone-manage', 'keystone-wsgi-public', 'uwsgi_python3'] as const;

/** What this machine lacks of a Keystone, for `mustSkip('keystone', …)`. */
export const missingForKeystone: readonly string[] = programs.filter((name) => findExecutable(name) === undefined);

const readyDeadlineMs = 120_000;
const region = 'RegionOne';
const defaultTokenSeconds = 3600;

export async function startKeystone(options: KeystoneOptions = {}): Promise<KeystoneServer> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-keystone-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/v3`;
  const adminPassword = randomBytes(12).toString('hex');
  await writeKeys(folder);
  const config = await writeConfig(folder, options.tokenSeconds ?? defaultTokenSeconds);
  await manage(config, 'db_sync');
  // Else whoever reads keeps others from writing, and its threads do both.
  const database = new DatabaseSync(join(folder, 'keystone.db'));
  database.exec('PRAGMA journal_mode = WAL');
  database.close();
  await manage(config, 'bootstrap', '--bootstrap-password', adminPassword, '--bootstrap-region-id', region, ...publish(url));
  let child = launch(folder, config, port);
  cleanup.defer(() => kill(child));
  await untilAnswers(url, child, folder);
  const kept = cleanup.move();
  return {
    url,
    region,
    adminPassword,
    kill: () => kill(child),
    async restart({ tokenSeconds = defaultTokenSeconds } = {}) {
      await kill(child);
      await writeConfig(folder, tokenSeconds);
      child = launch(folder, config, port);
      await untilAnswers(url, child, folder);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function publish(url: string): readonly string[] {
  return ['public', 'internal', 'admin'].flatMap((name) => [`--bootstrap-${name}-url`, url]);
}

/** As `fernet_setup` and `credential_setup` would. */
async function writeKeys(folder: string): Promise<void> {
  for (const name of ['fernet', 'credential']) {
    await mkdir(join(folder, name), { mode: 0o700 });
    for (const index of ['0', '1']) {
      const key = randomBytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
      await writeFile(join(folder, name, index), key, { mode: 0o600 });
    }
  }
}

/** Returns its path. */
async function writeConfig(folder: string, tokenSeconds: number): Promise<string> {
  const config = join(folder, 'keystone.conf');
  const lines = [
    '[database]',
    `connection = sqlite:///${folder}/keystone.db`,
    'sqlite_synchronous = false',
    '[fernet_tokens]',
    `key_repository = ${folder}/fernet`,
    '[credential]',
    `key_repository = ${folder}/credential`,
    '[token]',
    `expiration = ${tokenSeconds}`,
    // The cheapest that bcrypt has: nobody attacks these passwords.
    '[identity]',
    'password_hash_rounds = 4',
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  return config;
}

/** As if nothing of the test's own environment were there: Keystone reads no setting of ours, nor a client's. */
function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), LC_ALL: 'C.UTF-8', ...extra };
}

async function manage(config: string, ...args: readonly string[]): Promise<void> {
  const child = spawn('keystone-manage', ['--config-file', config, ...args], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: readyDeadlineMs,
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`keystone-manage ${args[0]} ended with ${code}:\n${said}`);
}

/** One process without a master: whoever kills it has killed all of it. */
function launch(folder: string, config: string, port: number): ChildProcess {
  const args = ['--http-socket', `127.0.0.1:${port}`, '--threads', '4', '--need-app', '--die-on-term', '--buffer-size', '65535'];
  const files = ['--wsgi-file', findExecutable('keystone-wsgi-public') ?? '', '--logto', join(folder, 'uwsgi.log')];
  // It closes each connection after one answer, and says so only when it is told to.
  const manners = ['--add-header', 'Connection: close', '--disable-logging'];
  return spawn('uwsgi_python3', [...args, ...files, ...manners], {
    env: cleanEnvironment({ OS_KEYSTONE_CONFIG_FILES: config }),
    stdio: 'ignore',
  });
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function untilAnswers(url: string, child: ChildProcess, folder: string): Promise<void> {
  const deadline = Date.now() + readyDeadlineMs;
  while (Date.now() < deadline) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    if (hasEnded) throw new Error(`Keystone ended:\n${await readFile(join(folder, 'uwsgi.log'), 'utf8').catch(() => '')}`);
    const isReady = await fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
      async (response) => {
        await response.body?.cancel();
        return response.status === 200;
      },
      () => false,
    );
    if (isReady) return;
    await sleep(100);
  }
  await kill(child);
  throw new Error('Keystone did not come up');
}
