/** The server's log: JSON lines for machines or text for people, on standard output, written without holding up requests. */
import { type DestinationStream, type Logger, pino } from 'pino';
import { openLogOutput } from './log-output.ts';

export interface ServerLogOptions {
  readonly level: string;
  readonly format: 'json' | 'text';
}

export interface ServerLog extends Disposable {
  readonly log: Logger;
}

/** Disposing it writes what is still held. */
export function openServerLog({ level, format }: ServerLogOptions): ServerLog {
  const out = openLogOutput(1);
  const settings = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: toLoggedError },
  };
  return {
    log: pino(settings, format === 'text' ? toText(out) : out),
    [Symbol.dispose]: () => out[Symbol.dispose](),
  };
}

/** What of an error is logged, and nothing else: drivers hang whole clients on theirs, with statements and settings. */
function toLoggedError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const code = 'code' in error ? { code: error.code } : {};
  return { type: name, message, ...code, stack, ...(cause === undefined ? {} : { cause: toLoggedError(cause) }) };
}

/** `12:34:56.789 INFO  request method=GET path=/healthz …` */
function toText(out: DestinationStream): DestinationStream {
  return {
    write: (line) => {
      const { level, time, msg, pid: _pid, err, ...facts } = JSON.parse(line);
      const rest = Object.entries(facts).map(
        ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
      const cause = err === undefined ? '' : `\n${err.stack ?? err.message ?? JSON.stringify(err)}`;
      const label = (pino.levels.labels[level] ?? '').toUpperCase().padEnd(5);
      out.write(`${String(time).slice(11, 23)} ${label} ${[msg, ...rest].join(' ')}${cause}\n`);
    },
  };
}
