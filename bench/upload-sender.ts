/**
 * A process that sends one body over a plain socket as cheaply as Node can: `node upload-sender.ts PORT BYTES length|chunked [PAUSE]`.
 * PAUSE: every 64 MiB wait so many milliseconds.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const blockBytes = 1024 * 1024;
const pauseEveryBytes = 64 * blockBytes;

const [, , port, bytes, framing, pause = '0'] = process.argv;
const total = Number(bytes);
const isChunked = framing === 'chunked';
const header = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${total}`;

const socket = connect({ host: '127.0.0.1', port: Number(port), noDelay: true });
socket.write(`PUT / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${header}\r\n\r\n`);
// 16 KiB chunks, as curl sends them.
const block = isChunked ? chunked(blockBytes, 16 * 1024) : Buffer.alloc(blockBytes, 7);
for (let sent = 0; sent < total; sent += blockBytes) {
  if (!socket.write(block)) await once(socket, 'drain');
  if (Number(pause) > 0 && sent % pauseEveryBytes === 0) await sleep(Number(pause));
}
if (isChunked) socket.write('0\r\n\r\n');
let answer = '';
for await (const piece of socket) answer += piece;
if (!answer.startsWith('HTTP/1.1 200')) throw new Error(`the server answered ${answer.slice(0, 200)}`);

function chunked(length: number, chunkBytes: number): Buffer {
  const chunk = Buffer.concat([Buffer.from(`${chunkBytes.toString(16)}\r\n`), Buffer.alloc(chunkBytes, 7), Buffer.from('\r\n')]);
  return Buffer.concat(Array.from({ length: length / chunkBytes }, () => chunk));
}
