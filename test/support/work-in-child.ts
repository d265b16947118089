/** A worker in a process of its own, to be killed: says on standard output what it runs, and runs it until it is told to end. */
import { once } from 'node:events';
import { openDatabase, openJobQueue } from '#metadata/metadata.ts';

/** `everyMs`: it also asks for the job by itself. A job with a payload that says `ends` does. */
const [url = '', name = '', everyMs] = process.argv.slice(2);
await using db = openDatabase({ url, applicationName: 'vitrine-test-worker' });
await using queue = openJobQueue(db);
queue.work({
  kinds: [
    {
      ...{ name, retryLimit: 5, retryDelayMaxSeconds: 2, timeoutMs: 3600_000, keepMs: 3600_000 },
      schedule:
        everyMs === undefined ? undefined : { everyMs: Number(everyMs), job: { name, payload: { ends: true }, key: name } },
      run: async ({ id, payload, signal, progress }) => {
        await progress(1, 2, 'in the child');
        process.stdout.write(`${id}\n`);
        if (payload['ends'] === true) return {};
        await once(signal, 'abort');
        throw signal.reason;
      },
    },
  ],
  ...{ concurrency: 4, pollMs: 100 },
  onEnd: () => undefined,
  onTrouble: () => undefined,
});
await once(process, 'SIGTERM');
