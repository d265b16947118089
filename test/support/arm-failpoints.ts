/** Loaded by a child that is no `vitrine` (`--import`) before anything else: makes it misbehave as its environment says. */
import { armFromEnvironment } from '#base/failpoint.ts';

armFromEnvironment(process.env);

/** The environment of such a child with these failpoints, as `armFailpoints` takes them. */
export function failpointEnvironment(text: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import ${import.meta.url}`, VITRINE_TEST_FAILPOINTS: text };
}
