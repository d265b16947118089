/** The policy of a server: the shipped one, or with files of its operator, read and checked once, at start. */
import { AppError, type Fault } from '#base/app-error.ts';
import { loadCedar, openEngine } from './cedar-engine.ts';
import { type CedarPolicyOptions, createCedarPolicy } from './cedar-policy.ts';
import { defaultPolicyFile, findDefaultPolicy } from './default-policy.ts';
import { actions, type Policy } from './policy.ts';
import { readsOf } from './policy-reads.ts';
import { readPolicyFile, twiceNamed } from './read-policies.ts';

export interface LoadPolicyOptions extends Pick<CedarPolicyOptions, 'onFailure'> {
  /** Absolute paths of further policies. */
  readonly files: readonly string[];
  /** False: only those of the files. */
  readonly includeDefault: boolean;
}

/** @throws AppError POLICY_INVALID with every fault of every file */
export async function loadPolicy({ files, includeDefault, onFailure }: LoadPolicyOptions): Promise<Policy> {
  if (files.length === 0 && includeDefault) {
    const decided = findDefaultPolicy();
    if (decided !== undefined) return decided;
  }
  const cedar = await loadCedar();
  const read = [...(includeDefault ? [defaultPolicyFile] : []), ...files].map((path) => readPolicyFile(cedar, path));
  const policies = read.flatMap((file) => file.policies);
  const faults: readonly Fault[] = [...read.flatMap((file) => file.faults), ...twiceNamed(policies)];
  if (faults.length > 0) {
    const text = faults.map(({ pointer, message }) => `${pointer} ${message}.`).join(' ');
    throw new AppError('POLICY_INVALID', text, { faults });
  }
  const jsons = policies.map(({ json }) => json);
  const reads = new Map(actions.map((action) => [action, readsOf(action, jsons)]));
  return createCedarPolicy(openEngine(cedar, policies), { reads, onFailure });
}
