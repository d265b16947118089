/** A Vitrine started as its users start it: a child process on a free loopback port, with a data folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../house/modules.ts';
import { freePort } from './free-port.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface VitrineProcess extends AsyncDisposable {
  readonly url: string;
  readonly dataDir: string;
  readonly child: ChildProcess;
  /** Everything the server printed. */
  output(): string;
  /** Runs a command line tool against this server. */
  cli(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CommandResult>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface StartOptions {
  readonly dataDir?: string;
  /** Default: a free one. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** The folder it is started in. */
  readonly cwd?: string;
  /** A command that replaces itself by the one that follows it. */
  readonly wrapper?: readonly string[];
  /** How long it may take to be ready; more where a machine is kept busy on purpose. */
  readonly readyDeadlineMs?: number;
}

export async function startVitrine(options: StartOptions = {}): Promise<VitrineProcess> {
  const ownsDataDir = options.dataDir === undefined;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'vitrine-e2e-')));
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const args = [join(root, 'src/launch.js'), 'serve', '--port', String(port), '--data-dir', dataDir, ...(options.args ?? [])];
  const [program, ...rest] = [...(options.wrapper ?? []), process.execPath, ...args];
  const child = spawn(program ?? '', rest, {
    env: cleanEnvironment(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await untilReady(child, url, () => output, options.readyDeadlineMs ?? 30_000);
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    }
  };
  return {
    url,
    dataDir,
    child,
    output: () => output,
    cli: (cliArgs, env) => runCli(cliArgs, { VITRINE_URL: url, ...env }),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      if (ownsDataDir) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Runs `vitrine` with the arguments; never throws for its exit code. */
export async function runCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
  return run(process.execPath, [join(root, 'src/launch.js'), ...args], env);
}

/** Runs any command, collecting what it prints. */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<CommandResult> {
  const child = spawn(command, args, {
    env: cleanEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? -1, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/** The environment without what would leak into a Vitrine under test. */
function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(VITRINE_|DATABASE_URL|NODE_OPTIONS|VITEST)/.test(name));
  return { ...Object.fromEntries(kept), ...extra };
}

async function untilReady(child: ChildProcess, url: string, output: () => string, readyDeadlineMs: number): Promise<void> {
  const deadline = Date.now() + readyDeadlineMs;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`vitrine ended with ${child.exitCode}:\n${output()}`);
    const ready = await fetch(`${url}/readyz`).then(
      (response) => response.status === 200,
      () => false,
    );
    if (ready) return;
    await sleep(50);
  }
  child.kill('SIGKILL');
  throw new Error(`vitrine was not ready in ${readyDeadlineMs} ms:\n${output()}`);
}
