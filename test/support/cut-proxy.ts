/** A TCP proxy before a server that may move: cuts a connection when so many bytes of the client have gone through. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface CutProxy extends AsyncDisposable {
  readonly url: string;
  /** Where connections go from now on. */
  target: string;
  /** Asked for each connection: after how many bytes of the client it is cut; undefined: never. */
  cutAfter: () => number | undefined;
  /** Connections cut so far. */
  readonly cuts: number;
}

export async function startCutProxy(target: string): Promise<CutProxy> {
  const sockets = new Set<Socket>();
  const proxy = { target, cutAfter: (): number | undefined => undefined, cuts: 0 };
  const server = createServer((client) => {
    const { hostname, port } = new URL(proxy.target);
    const upstream = connect({ host: hostname, port: Number(port) });
    let left = proxy.cutAfter();
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    upstream.pipe(client);
    client.on('data', (chunk: Buffer) => {
      const piece = left === undefined ? chunk : chunk.subarray(0, left);
      if (left !== undefined) left -= piece.length;
      if (!upstream.write(piece)) {
        client.pause();
        upstream.once('drain', () => client.resume());
      }
      if (left !== 0) return;
      left = undefined;
      proxy.cuts += 1;
      // What went through arrives; then both sides see the end.
      client.pause();
      upstream.end(() => end());
    });
    client.on('end', () => upstream.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
}
