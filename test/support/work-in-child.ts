/** A worker in a process of its own, to be killed: says on standard output what it runs, and runs it until it is told to end. */
import { once } from 'node:events';
import { openDatabase, openJobQueue } from '#metadata/metadata.ts';

const [url = '', name = ''] = process.argv.slice(2);
await using db = openDatabase({ url, applicationName: 'vitrine-test-worker' });
await using queue = openJobQueue(db);
queue.work({
  kinds: [
    {
      ...{ name, retryLimit: 5, retryDelayMaxSeconds: 2, timeoutMs: 3600_000, keepMs: 3600_000 },
      run: async ({ id, signal, progress }) => {
        await progress(1, 2, 'in the child');
        process.stdout.write(`${id}\n`);
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
