/**
 * Short reads of many callers over a few connections, written one behind the other without waiting for answers: half the system
 * calls of a pool, on both sides. Only for named statements that read few rows by an index: whoever comes behind waits.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Sql, Statement } from './database.ts';
import { toDatabaseError } from './database-errors.ts';
import { inStatementSpan } from './statement-span.ts';
import { unrefClient } from './unref-client.ts';

export interface PipelinedReads extends Sql, AsyncDisposable {}

const laneCount = 2;

/** For the server to take leave. */
const goodbyeMs = 1000;

interface Lane {
  /** Undefined until it is connected, and again when it broke. */
  client: pg.Client | undefined;
  connecting: Promise<pg.Client> | undefined;
}

/** Connects with the first reads, and again after a connection broke. What was under way on it then is an error. */
export function openPipelinedReads(config: pg.ClientConfig): PipelinedReads {
  const lanes = Array.from({ length: laneCount }, (): Lane => ({ client: undefined, connecting: undefined }));
  let turn = 0;
  let isClosed = false;
  return {
    query: async <Row extends object>({ name, text }: Statement, values: readonly unknown[] = []) => {
      if (name === undefined) throw new TypeError('a pipelined read is a named statement');
      turn = (turn + 1) % laneCount;
      const lane = lanes[turn];
      if (lane === undefined || isClosed) throw toDatabaseError(new Error('Connection terminated'));
      try {
        const client = lane.client ?? (await connect(lane, config));
        return (await inStatementSpan({ name, text }, () => client.query<Row>({ name, text, values: [...values] }))).rows;
      } catch (error) {
        throw toDatabaseError(error);
      }
    },
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      await Promise.all(lanes.map(close));
    },
  };
}

/** Also one that is only just connecting. A server that is silent does not keep this process from its end. */
async function close({ client, connecting }: Lane): Promise<void> {
  const open = client ?? (await connecting?.catch(() => undefined));
  if (open === undefined) return;
  const waiting = new AbortController();
  await Promise.race([open.end(), sleep(goodbyeMs, undefined, { signal: waiting.signal }).catch(() => undefined)]);
  waiting.abort();
  unrefClient(open);
}

/** One attempt for all who wait for it. */
function connect(lane: Lane, config: pg.ClientConfig): Promise<pg.Client> {
  if (lane.connecting !== undefined) return lane.connecting;
  const client = new pg.Client({ ...config, pipeline: true });
  const forget = (): void => {
    if (lane.client === client) lane.client = undefined;
  };
  client.on('error', forget);
  client.on('end', forget);
  lane.connecting = client
    .connect()
    .then(() => {
      lane.client = client;
      return client;
    })
    .finally(() => {
      lane.connecting = undefined;
    });
  return lane.connecting;
}
