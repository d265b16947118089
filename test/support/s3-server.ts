/** Starts an S3 server binary on a free loopback port and a folder of its own, and always stops it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3StoreConfig } from '#blobs/blobs.ts';
import { freePort } from './free-port.ts';

export interface S3Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** The server's own folder. */
  readonly folder: string;
  readonly child: ChildProcess;
  /** Kills it, and keeps what it has. */
  kill(): Promise<void>;
  /** After that: on the same folder, under the same address. */
  restart(): Promise<void>;
  /** Unfinished multipart uploads of any bucket, as the server keeps them on its disk. */
  unfinishedUploads(): Promise<string[]>;
  /** The configuration of a store in a bucket that is made when it is opened. */
  storeConfig(bucket: string): S3StoreConfig;
}

export interface S3Program {
  readonly name: string;
  readonly binary: string;
  readonly args: (folder: string, address: string) => readonly string[];
  readonly env: (accessKey: string, secretKey: string) => Readonly<Record<string, string>>;
  readonly unfinishedUploads: (folder: string) => Promise<string[]>;
}

const readyDeadlineMs = 20_000;

/** The binary named by the variable, or in the folder where `.ci/run` keeps what it built; undefined where there is none. */
export function findS3Binary(variable: string, name: string): string | undefined {
  const path = process.env[variable] ?? join(homedir(), '.cache', 'vitrine-ci', 'bin', name);
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}

export async function startS3Server(program: S3Program): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), `vitrine-${program.name}-`));
  const address = `127.0.0.1:${await freePort()}`;
  const accessKey = 'vitrine-test';
  const secretKey = 'vitrine-test-secret';
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, ...program.env(accessKey, secretKey) };
  const endpoint = `http://${address}`;
  const launch = (): ChildProcess => spawn(program.binary, program.args(folder, address), { env, stdio: 'ignore' });
  let child = launch();
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  const stop = async (): Promise<void> => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilAnswers(endpoint, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    endpoint,
    accessKey,
    secretKey,
    folder,
    get child() {
      return child;
    },
    kill,
    async restart() {
      child = launch();
      await untilAnswers(endpoint, child);
    },
    unfinishedUploads: () => program.unfinishedUploads(folder),
    storeConfig: (bucket) => ({ name: program.name, kind: 's3', endpoint, bucket, accessKey, secretKey, createBucket: true }),
    [Symbol.asyncDispose]: stop,
  };
}

// An answer of any kind to an unsigned request means that it listens; 5xx that it is still starting.
async function untilAnswers(endpoint: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + readyDeadlineMs;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    const status = await fetch(endpoint, { signal: AbortSignal.timeout(1_000) }).then(
      async (response) => {
        await response.body?.cancel();
        return response.status;
      },
      () => 0,
    );
    if (status > 0 && status < 500) return;
    await sleep(50);
  }
  throw new Error('the server did not come up');
}
