/** Reads files of policies and checks them against the schema; every fault of every file is told, with its line. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { DetailedError } from '@cedar-policy/cedar-wasm/nodejs';
import type { Fault } from '#base/app-error.ts';
import type { loadCedar, NamedPolicy } from './cedar-engine.ts';
import { renderSchema } from './cedar-schema.ts';
import { actions } from './policy.ts';

type Cedar = Awaited<ReturnType<typeof loadCedar>>;

interface SourceText {
  /** As faults and ids name it. */
  readonly name: string;
  readonly text: string;
}

export interface PolicyFile {
  readonly name: string;
  readonly policies: readonly NamedPolicy[];
  readonly faults: readonly Fault[];
}

/** The pointer of a fault is `<file>:<line>:<column>`. */
export function readPolicyFile(cedar: Cedar, path: string): PolicyFile {
  const name = basename(path);
  try {
    return parsePolicies(cedar, { name, text: readFileSync(path, 'utf8') });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    return { name, policies: [], faults: [{ pointer: path, message: `cannot be read: ${error.message}` }] };
  }
}

function parsePolicies(cedar: Cedar, source: SourceText): PolicyFile {
  const { name, text } = source;
  const parts = cedar.policySetTextToParts(text);
  if (parts.type === 'failure') return { name, policies: [], faults: parts.errors.flatMap((error) => toFaults(source, error)) };
  const policies = parts.policies.map((part) => toPolicy(cedar, source, part));
  const templates = parts.policy_templates.map((part) => ({
    pointer: placeOf(source, offsetOf(source, part)),
    message: 'is a template, which nothing would ever fill in',
  }));
  return { name, policies, faults: templates.length > 0 ? templates : findMistakes(cedar, source) };
}

/** What Cedar's validator finds, and what can never apply: a rule that somebody wrote and nobody obeys. */
function findMistakes(cedar: Cedar, source: SourceText): readonly Fault[] {
  const answer = cedar.validate({ schema: renderSchema(actions), policies: { staticPolicies: source.text } });
  if (answer.type === 'failure') return answer.errors.flatMap((error) => toFaults(source, error));
  const wrong = new Set(answer.validationErrors.map(({ policyId }) => policyId));
  const idle = answer.validationWarnings.filter(({ policyId }) => !wrong.has(policyId));
  const byPlace = (error: DetailedError) => error.sourceLocations?.[0]?.start ?? 0;
  return [...answer.validationErrors, ...idle]
    .toSorted((a, b) => byPlace(a.error) - byPlace(b.error))
    .flatMap(({ error }) => toFaults(source, error));
}

function toFaults(source: SourceText, error: DetailedError): readonly Fault[] {
  const [place] = error.sourceLocations ?? [];
  const help = error.help === null || error.help === undefined ? '' : ` (${error.help})`;
  const expected = place?.label == null ? '' : `: ${place.label}`;
  const message = `${error.message.replaceAll(/for policy `policy\d+`, /g, '')}${expected}${help}`;
  const related = (error.related ?? []).flatMap((further) => toFaults(source, further));
  return [{ pointer: placeOf(source, place?.start), message }, ...related];
}

function toPolicy(cedar: Cedar, source: SourceText, text: string): NamedPolicy {
  const read = cedar.policyToJson(text);
  if (read.type === 'failure') throw new Error(`Cedar read a policy once only: ${read.errors[0]?.message}`);
  const named = read.json.annotations?.['id'];
  const line = placeOf(source, offsetOf(source, text)).split(':', 2).join(':');
  return { id: named === undefined || named === '' ? line : named, text, json: read.json };
}

/** Ids are what a denial and `policy explain` name. */
export function twiceNamed(policies: readonly NamedPolicy[]): readonly Fault[] {
  const ids = policies.map(({ id }) => id);
  const twice = new Set(ids.filter((id, index) => ids.indexOf(id) !== index));
  return [...twice].map((id) => ({ pointer: id, message: 'is the id of two policies' }));
}

/** Where a policy begins, in bytes. */
function offsetOf({ text }: SourceText, part: string): number {
  return Buffer.byteLength(text.slice(0, Math.max(0, text.indexOf(part))));
}

function placeOf({ name, text }: SourceText, offsetBytes: number | undefined): string {
  if (offsetBytes === undefined) return name;
  const before = Buffer.from(text).subarray(0, offsetBytes).toString().split('\n');
  return `${name}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}
