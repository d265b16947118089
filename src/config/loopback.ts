/** Whether an address to listen on is reached from this machine only. */
import { isIPv4, isIPv6 } from 'node:net';

/** `localhost`, 127.0.0.0/8 and ::1; a name that has to be looked up is none. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (isIPv4(bare)) return bare.startsWith('127.');
  if (isIPv6(bare)) return /^(0*:)+0*1$/.test(bare) || /^::ffff:127\./.test(bare);
  return bare === 'localhost';
}
