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
  /** Shipped policies that decide are named too, as in a table they are not. */
  readonly hasReasons?: boolean | undefined;
}

/** @throws AppError POLICY_INVALID with every fault of every file */
export async function loadPolicy(options: LoadPolicyOptions): Promise<Policy> {
  const { files, includeDefault, hasReasons = false, onFailure } = options;
  if (files.length === 0 && includeDefault && !hasReasons) {
    const decided = findDefaultPolicy();
    if (decided !== undefined) return decided;
  }
  const cedar = await loadCedar();
  const read = [...(includeDefault ? [defaultPolicyFile] : []), ...files].map((path) => readPolicyFile(cedar, path));
  const policies = read.flatMap((file) => file.policies);
  const faults: readonly Fault[] = [...read.flatMap((file) => file.faults), ...twiceNamed(policies)];
  if (faults.length > 0) {
    const [first, ...others] = faults;
    // One alone is the sentence; more are told as faults, each once.
    const text = others.length === 0 ? `${first?.pointer} ${first?.message}.` : `The policies have ${faults.length} faults.`;
    throw new AppError('POLICY_INVALID', text, { faults });
  }
  const jsons = policies.map(({ json }) => json);
  const reads = new Map(actions.map((action) => [action, readsOf(action, jsons)]));
  return createCedarPolicy(openEngine(cedar, policies), { reads, onFailure });
}
