/** Preconditions of a GET or HEAD against a strong ETag, in the order of RFC 9110 section 13.2.2. */
import type { IncomingHttpHeaders } from 'node:http';

export type ConditionOutcome = 'proceed' | 'not-modified' | 'failed';

/**
 * If-Match, else If-Unmodified-Since; then If-None-Match, else If-Modified-Since.
 * @param etag with its quotes; strong
 */
export function evaluateConditions(headers: IncomingHttpHeaders, etag: string, lastModified: Date): ConditionOutcome {
  const ifMatch = headers['if-match'];
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, etag, 'strong')) return 'failed';
  } else if (isLaterThan(lastModified, headers['if-unmodified-since'])) return 'failed';
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch, etag, 'weak') ? 'not-modified' : 'proceed';
  const since = headers['if-modified-since'];
  return since !== undefined && isLaterThan(lastModified, since) === false ? 'not-modified' : 'proceed';
}

/** Whether the Range header counts: no If-Range, or one that names this very representation. A date is never strong enough here. */
export function isRangeWanted(headers: IncomingHttpHeaders, etag: string): boolean {
  const ifRange = headers['if-range'];
  return ifRange === undefined || ifRange === etag;
}

/** One entry of an entity-tag list; a quoted tag has no quote in it. */
const tagPattern = /\s*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)/y;

function matches(list: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (list.trim() === '*') return true;
  tagPattern.lastIndex = 0;
  for (let match = tagPattern.exec(list); match !== null; match = tagPattern.exec(list)) {
    if (match[2] === etag && (comparison === 'weak' || match[1] === undefined)) return true;
    if (tagPattern.lastIndex >= list.length) return false;
  }
  return false;
}

/** Undefined where the header has no date in it. Compared in whole seconds, all that a date in HTTP can say. */
function isLaterThan(time: Date, header: string | undefined): boolean | undefined {
  const limit = header === undefined ? Number.NaN : Date.parse(header);
  return Number.isNaN(limit) ? undefined : Math.floor(time.getTime() / 1000) > Math.floor(limit / 1000);
}
