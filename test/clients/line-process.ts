/** A child process that is asked and answers in lines of JSON, one at a time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface LineProcess extends AsyncDisposable {
  ask(request: unknown): Promise<unknown>;
}

/** Resolves when it has said that it is ready. */
export async function startLineProcess(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<LineProcess> {
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => {
    const { done, value } = await lines.next();
    if (done === true) throw new Error(`${command} ${args.join(' ')} ended: ${complaints}`);
    return value;
  };
  await nextLine();
  let last: Promise<unknown> = Promise.resolve();
  const ask = async (request: unknown): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    return JSON.parse(await nextLine());
  };
  return {
    ask: (request) => {
      const answer = last.then(() => ask(request));
      last = answer.catch(() => undefined);
      return answer;
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
