/** Which versions of the Image API there are: what clients read to find out what a server can, before they say who they are. */
import type { IncomingHttpHeaders } from 'node:http';
import type { HttpPlane, OpenExchange, OpenRoute } from '#base/http-route.ts';
import type { JsonObject } from '#base/json.ts';
import type { OpContext } from '#ops/context.ts';
import { describeVersions } from './describe-info.ts';
import { absoluteUrl, answerJson } from './image-answers.ts';

type Exchange = OpenExchange<OpContext>;
type Plane = HttpPlane<OpContext>;

/** Those whose routes are here, the newest first. The minor number only tells that: every prefix means the same. */
const advertised = ['v2.15', 'v2.13', 'v2.9', 'v2.8', 'v2.7', 'v2.5', 'v2.3', 'v2.1', 'v2.0'];

const latestMinor = 18;
const known = ['v2', ...Array.from({ length: latestMinor + 1 }, (_, minor) => `v2.${minor}`)];

/** What a path may begin with: clients ask by a later minor version than they need. */
export const versionPrefixes: readonly string[] = known.map((version) => `/${version}`);

/** 300 at the root: what clients that discover versions wait for there. */
export const versionRoutes: readonly OpenRoute<OpContext>[] = [
  { path: '/', operation: describeVersions('discoverVersions', 300), answer: (exchange) => answerVersions(exchange, 300) },
  { path: '/versions', operation: describeVersions('listVersions', 200), answer: (exchange) => answerVersions(exchange, 200) },
  { path: '/versions/', answer: (exchange) => answerVersions(exchange, 200) },
];

const anyVersion = /^\/v\d+(?:\.\d+)?(?=\/|$)/;

export function hasVersion(path: string): boolean {
  return anyVersion.test(path);
}

/** Whoever asks for a version that is not here is told which are. */
export function answerUnknownVersion(exchange: Exchange): boolean {
  const [prefix = ''] = anyVersion.exec(exchange.request.url?.split('?', 1)[0] ?? '') ?? [];
  if (versionPrefixes.includes(prefix)) return false;
  answerVersions(exchange, 300);
  return true;
}

/** `Accept: application/vnd.openstack.images-v2.1` stands for the prefix, for paths that have none. */
export function versionInHeader(roots: readonly string[]): NonNullable<Plane['toTarget']> {
  const unversioned = new RegExp(`^/(?:${roots.join('|')})(?=[/?]|$)`);
  return ({ accept }: IncomingHttpHeaders, target) => {
    const version =
      accept === undefined ? null : /^application\/vnd\.openstack\.images-(v\d{1,9}(?:\.\d{1,9})?)(?:[;,]|$)/.exec(accept);
    return version === null || !unversioned.test(target) ? target : `/${version[1]}${target}`;
  };
}

function answerVersions({ settings, request, response }: Exchange, status: number): void {
  const href = absoluteUrl(settings.image.publicEndpoint, request, '/v2/');
  const versions = advertised.map(
    (id, index): JsonObject => ({
      id,
      status: index === 0 ? 'CURRENT' : 'SUPPORTED',
      links: [{ rel: 'self', href }],
    }),
  );
  answerJson(request, response, { versions }, { status });
}
