/**
 * The conformance kit: takes a type through what publish does to an artifact, for each fixture of the type. A fixture named
 * `valid-*.json` must pass, one named `invalid-*.json` must be refused with the pointers it lists.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Fault } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import type { BlobView, DependencyView, HookArtifact, SlotRule, TypeVersionRule } from './sdk.ts';

/** As much of a loaded type as the kit needs. */
export interface ConformingType {
  readonly manifest: { readonly type: string; readonly current: string };
  readonly versions: ReadonlyMap<
    string,
    { readonly rule: TypeVersionRule; validate(properties: JsonObject, options: { readonly partial: boolean }): readonly Fault[] }
  >;
  readonly hooks: {
    validate(artifact: HookArtifact): Promise<readonly Fault[]>;
    inspectBlobs(artifact: HookArtifact): Promise<readonly Fault[]>;
    derive(artifact: HookArtifact): Promise<JsonObject>;
    beforePublish(artifact: HookArtifact): Promise<readonly Fault[]>;
  };
}

/**
 * `slots`: for each slot either a folder of fixtures ending in `/` (each file under its path in it), or a map from path to
 * `{text}`, `{file}` (a path in fixtures) or `{base64}`.
 */
interface Fixture {
  readonly typeVersion?: string;
  readonly properties?: JsonObject;
  readonly slots?: Readonly<Record<string, string | Readonly<Record<string, FixtureBytes>>>>;
  readonly dependencies?: readonly (Pick<DependencyView, 'slot' | 'alias'> & Partial<DependencyView>)[];
  /** Of a valid one: what the type derives, exactly. Not compared where left out. */
  readonly derived?: JsonObject;
  /** Of an invalid one: the pointers of its faults, in any order, repeated where two faults point to one place. */
  readonly faults?: readonly string[];
}

type FixtureBytes = { readonly text: string } | { readonly file: string } | { readonly base64: string };

export interface FixtureResult {
  readonly name: string;
  /** Null where the fixture did as it should. */
  readonly problem: string | null;
  readonly faults: readonly Fault[];
}

/** Runs every fixture of `<folder>/fixtures`. */
export async function runFixtures(type: ConformingType, folder: string): Promise<readonly FixtureResult[]> {
  const fixtures = join(folder, 'fixtures');
  const names = existsSync(fixtures) ? readdirSync(fixtures).filter((name) => name.endsWith('.json')) : [];
  const results: FixtureResult[] = [];
  for (const name of names.sort()) results.push(await runFixture(type, fixtures, name));
  return results;
}

async function runFixture(type: ConformingType, folder: string, name: string): Promise<FixtureResult> {
  const expected = /^(valid|invalid)-.+\.json$/.exec(name)?.[1];
  const failed = (problem: string, faults: readonly Fault[] = []): FixtureResult => ({ name, problem, faults });
  if (expected === undefined) return failed('is named neither valid-… nor invalid-…');
  try {
    const fixture = readFixture(join(folder, name));
    const outcome = await rehearsePublish(type, toArtifact(type, folder, fixture));
    const { faults } = outcome;
    if (expected === 'valid') {
      if (faults.length > 0)
        return failed(`should be accepted: ${faults.map(({ pointer, message }) => `${pointer} ${message}`).join('; ')}`, faults);
      const isDerived = fixture.derived === undefined || isDeepStrictEqual(outcome.derived, fixture.derived);
      return isDerived ? { name, problem: null, faults } : failed(`derives ${JSON.stringify(outcome.derived)}`);
    }
    if (fixture.faults === undefined) return failed('lists no "faults"');
    const pointers = faults.map(({ pointer }) => pointer).sort();
    const isSame = isDeepStrictEqual(pointers, [...fixture.faults].sort());
    return isSame ? { name, problem: null, faults } : failed(`has faults at ${JSON.stringify(pointers)}`, faults);
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
}

/** What publish checks of one artifact alone, stage by stage; the first stage with faults ends it, as in publish. */
async function rehearsePublish(
  type: ConformingType,
  artifact: HookArtifact,
): Promise<{ readonly faults: readonly Fault[]; readonly derived: JsonObject }> {
  const version = type.versions.get(artifact.typeVersion);
  if (version === undefined) throw new Error(`the type has no version ${artifact.typeVersion}`);
  let derived: JsonObject = {};
  const properties = (values: JsonObject): Fault[] =>
    version.validate(values, { partial: false }).map(({ pointer, message }) => ({ pointer: `/properties${pointer}`, message }));
  const stages: (() => Promise<readonly Fault[]>)[] = [
    async () => [...slotFaults(version.rule, artifact), ...dependencyFaults(version.rule, artifact)],
    async () => properties(artifact.properties),
    () => type.hooks.validate(artifact),
    () => type.hooks.inspectBlobs(artifact),
    async () => {
      derived = await type.hooks.derive(artifact);
      return properties({ ...artifact.properties, ...derived });
    },
    () => type.hooks.beforePublish({ ...artifact, properties: { ...artifact.properties, ...derived } }),
  ];
  for (const stage of stages) {
    const faults = await stage();
    if (faults.length > 0) return { faults, derived };
  }
  return { faults: [], derived };
}

function readFixture(path: string): Fixture {
  const value = JSON.parse(readFileSync(path, 'utf8')) as Json;
  if (!isJsonObject(value)) throw new Error('is not a JSON object');
  return value;
}

function toArtifact(type: ConformingType, folder: string, fixture: Fixture): HookArtifact {
  const blobs = Object.entries(fixture.slots ?? {}).flatMap(([slot, content]) => {
    const files = typeof content === 'string' ? filesOf(join(folder, content)) : content;
    return Object.entries(files).map(([path, bytes]) => toBlob(slot, path, readBytes(folder, bytes)));
  });
  const dependencies = (fixture.dependencies ?? []).map((link) => ({
    targetType: null,
    targetName: null,
    range: '',
    parameter: null,
    ...link,
  }));
  return {
    type: type.manifest.type,
    typeVersion: fixture.typeVersion ?? type.manifest.current,
    name: 'fixture',
    version: '1.0.0',
    properties: fixture.properties ?? {},
    tags: [],
    blobs,
    dependencies,
  };
}

function filesOf(folder: string): Record<string, FixtureBytes> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.sort().map((path) => [relative(folder, path).replaceAll('\\', '/'), { file: path }]));
}

function readBytes(folder: string, bytes: FixtureBytes): Uint8Array {
  if ('text' in bytes) return new TextEncoder().encode(bytes.text);
  if ('base64' in bytes) return new Uint8Array(Buffer.from(bytes.base64, 'base64'));
  return new Uint8Array(readFileSync(bytes.file.startsWith('/') ? bytes.file : join(folder, bytes.file)));
}

function toBlob(slot: string, path: string, bytes: Uint8Array): BlobView {
  return {
    slot,
    path,
    mediaType: 'application/octet-stream',
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}

function slotFaults(rule: TypeVersionRule, artifact: HookArtifact): Fault[] {
  const unknown = artifact.blobs.filter(({ slot }) => !Object.hasOwn(rule.slots, slot));
  const faults = unknown.map(({ slot }) => ({ pointer: `/slots/${slot}`, message: 'is no slot of the type' }));
  for (const [slot, slotRule] of Object.entries(rule.slots)) {
    faults.push(
      ...slotRuleFaults(
        slot,
        slotRule,
        artifact.blobs.filter((blob) => blob.slot === slot),
      ),
    );
  }
  return faults;
}

function slotRuleFaults(slot: string, rule: SlotRule, blobs: readonly BlobView[]): Fault[] {
  const faults: Fault[] = [];
  if (rule.required && blobs.length === 0) faults.push({ pointer: `/slots/${slot}`, message: 'is required, and has no blob' });
  if (blobs.length > rule.maxEntries)
    faults.push({ pointer: `/slots/${slot}`, message: `holds at most ${rule.maxEntries} blobs` });
  for (const { path, sizeBytes } of blobs) {
    if (rule.maxBytes === null || sizeBytes <= rule.maxBytes) continue;
    const pointer = `/slots/${slot}/${path.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    faults.push({ pointer, message: `is larger than ${rule.maxBytes} bytes` });
  }
  return faults;
}

function dependencyFaults(rule: TypeVersionRule, artifact: HookArtifact): Fault[] {
  const faults: Fault[] = [];
  for (const { slot, alias, targetType } of artifact.dependencies) {
    const known = Object.hasOwn(rule.dependencies, slot) ? rule.dependencies[slot] : undefined;
    if (known === undefined)
      faults.push({ pointer: `/dependencies/${alias}`, message: `"${slot}" is no dependency slot of the type` });
    else if (targetType !== null && !known.targets.includes(targetType)) {
      faults.push({ pointer: `/dependencies/${alias}`, message: `must point at ${known.targets.join(' or ')}` });
    }
  }
  for (const [slot, { min, max }] of Object.entries(rule.dependencies)) {
    const count = artifact.dependencies.filter((link) => link.slot === slot).length;
    if (count < min) faults.push({ pointer: '/dependencies', message: `needs at least ${min} of slot "${slot}"` });
    if (max !== null && count > max) faults.push({ pointer: '/dependencies', message: `takes at most ${max} of slot "${slot}"` });
  }
  return faults;
}
