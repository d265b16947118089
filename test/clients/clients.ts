/** One generation of clients at work: command lines as people type them, and calls as programs make them. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { CommandResult } from '#test/support/vitrine-process.ts';
import type { ClientGeneration } from './client-generations.ts';
import { startLineProcess } from './line-process.ts';

/** A user in a project, as the variables OS_* that every client reads. */
export type Account = Readonly<Record<string, string>>;

type Program = 'openstack' | 'glance';
type Library = 'openstacksdk' | 'glanceclient';

export interface Failure {
  readonly type: string;
  readonly status: number | null;
  readonly message: string;
}

export interface Clients extends AsyncDisposable {
  /** A command line, with nobody at the terminal, or with the file as standard input. */
  run(program: Program, account: Account, args: readonly string[], stdin?: string): Promise<CommandResult>;
  /** `openstack … -f json`, which must succeed. */
  openstack<Result>(account: Account, ...args: readonly string[]): Promise<Result>;
  /** What a command line that must succeed printed. */
  print(program: Program, account: Account, ...args: readonly string[]): Promise<string>;
  /** What a command line that must fail said. */
  complaint(program: Program, account: Account, ...args: readonly string[]): Promise<string>;
  /** A method of a library that must succeed: {"$file": path} and {"$bytes": text} are arguments that JSON has not. */
  call<Result>(library: Library, account: Account, method: string, ...args: readonly unknown[]): Promise<Result>;
  /** What a method that must fail raised. */
  failure(library: Library, account: Account, method: string, ...args: readonly unknown[]): Promise<Failure>;
}

/** The last argument of a call, where it is one of these, holds its named arguments. */
export function named(values: Readonly<Record<string, unknown>>): { readonly named: Readonly<Record<string, unknown>> } {
  return { named: values };
}

/** @param folder where the clients keep what they keep in a home folder */
export async function openClients(generation: ClientGeneration, folder: string): Promise<Clients> {
  await using stack = new AsyncDisposableStack();
  const home = join(folder, 'home');
  await mkdir(home, { recursive: true });
  // Nothing of this machine's own accounts or proxies.
  const base = { HOME: home, PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', NO_PROXY: '*', PYTHONWARNINGS: 'ignore' };
  const start = (script: string) => startLineProcess(generation.python, [join(import.meta.dirname, script)], base);
  const commands = stack.use(await start('command_lines.py'));
  const libraries = stack.use(await start('library_calls.py'));
  const kept = stack.move();

  const run: Clients['run'] = async (program, account, args, stdin) =>
    (await commands.ask({ program, args, env: { ...base, ...account }, stdin: stdin ?? null })) as CommandResult;
  const print: Clients['print'] = async (program, account, ...args) => {
    const { code, stdout, stderr } = await run(program, account, args);
    expect(code, `${program} ${args.join(' ')}: ${stderr}`).toBe(0);
    return stdout;
  };
  const ask = async (library: Library, account: Account, method: string, given: readonly unknown[]): Promise<Answer> => {
    const last = given.at(-1);
    const args = isNamed(last) ? given.slice(0, -1) : given;
    const kwargs = isNamed(last) ? last.named : {};
    return (await libraries.ask({ library, account, method, args, kwargs })) as Answer;
  };

  return {
    run,
    print,
    async openstack<Result>(account: Account, ...args: readonly string[]) {
      return JSON.parse(await print('openstack', account, ...args, '-f', 'json')) as Result;
    },
    async complaint(program, account, ...args) {
      const { code, stdout, stderr } = await run(program, account, args);
      expect(code, `${program} ${args.join(' ')} succeeded: ${stdout}`).toBeGreaterThan(0);
      expect(stderr).not.toContain('Traceback');
      return stderr;
    },
    async call<Result>(library: Library, account: Account, method: string, ...args: readonly unknown[]) {
      const { result, error } = await ask(library, account, method, args);
      expect(error, method).toBeUndefined();
      return result as Result;
    },
    async failure(library, account, method, ...args) {
      const { result, error } = await ask(library, account, method, args);
      if (error === undefined) throw new Error(`${method} succeeded: ${JSON.stringify(result)}`);
      return error;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

interface Answer {
  readonly result?: unknown;
  readonly error?: Failure;
}

function isNamed(value: unknown): value is ReturnType<typeof named> {
  return typeof value === 'object' && value !== null && 'named' in value;
}
