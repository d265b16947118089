/** Loaded by a child (`--import`) before anything else: makes it misbehave as TEST_FAILPOINTS says. */
import { armFailpoints } from '#base/failpoint.ts';

const plan = process.env['TEST_FAILPOINTS'];
if (plan !== undefined) armFailpoints(plan);

/** The environment of a child with these failpoints, as `armFailpoints` takes them. */
export function failpointEnvironment(text: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import ${import.meta.url}`, TEST_FAILPOINTS: text };
}
