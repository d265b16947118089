/** The `dev` strategy: on a machine of one's own, whoever comes from it is its administrator. Never beyond loopback. */
import { BlockList, isIP } from 'node:net';
import { createCaller } from './caller.ts';
import type { Caller } from './policy.ts';

/** What the decision looks at; header names in lower case, as node:http gives them. */
export interface DevRequest {
  /** Of the socket's other end. */
  readonly peerAddress: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

// Any of these says that the request came through something else: then loopback is where the proxy stands, not the user.
const forwardedHeader = /^(forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|x-original-.*)$/;

const devCaller: Caller = createCaller('dev', 'default', ['admin', 'member', 'reader']);

/** The dev caller, if the request came straight from this machine and was addressed to it by a loopback name. */
export function identifyDev(request: DevRequest): Caller | undefined {
  if (!isLoopbackAddress(request.peerAddress)) return undefined;
  if (Object.keys(request.headers).some((name) => forwardedHeader.test(name))) return undefined;
  // A page of another site that had its name resolve to 127.0.0.1 (DNS rebinding) still sends its own Host;
  // one that calls from where it stands says so, whether or not it is allowed to call with a token.
  return isLoopbackHost(request.headers['host']) && isLoopbackOrigin(request.headers['origin']) ? devCaller : undefined;
}

/** True for 127.0.0.0/8 and ::1, also when an IPv4 address is written in IPv6. */
export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = address.toLowerCase().startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
  const family = isIP(plain);
  return family !== 0 && loopback.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}

/** True where no page sent the request, or one that this machine served. */
function isLoopbackOrigin(origin: string | readonly string[] | undefined): boolean {
  if (origin === undefined) return true;
  return typeof origin === 'string' && /^https?:\/\//.test(origin) && isLoopbackHost(origin.slice(origin.indexOf('//') + 2));
}

/** True for the Host of `localhost` or a loopback address, with or without a port. */
function isLoopbackHost(host: string | readonly string[] | undefined): boolean {
  if (typeof host !== 'string') return false;
  const match = /^(?:\[(?<ipv6>[0-9A-Fa-f:.]+)\]|(?<name>[^:[\]]+))(?::\d{1,5})?$/.exec(host);
  const name = match?.groups?.['ipv6'] ?? match?.groups?.['name'];
  if (name === undefined) return false;
  return name.toLowerCase() === 'localhost' || isLoopbackAddress(name);
}
