/** Whether a blob that claims to be JSON or YAML is, and is no bomb for whoever reads it. */
import { isAppError } from '#base/app-error.ts';
import { assertJsonStrict } from '#base/safe-json.ts';
import { yamlStreamProblem } from '#core/yaml-stream.ts';
import type { YamlLimits } from '#core/yaml-tokens.ts';
import { decodeUtf8, readAll } from './blob-text.ts';
import { essenceOf } from './media-sniff.ts';
import type { BlobView } from './sdk.ts';

export interface TextLimits {
  readonly json: { readonly bytes: number; readonly depth: number };
  readonly yaml: YamlLimits;
}

/** What can be read well within a hook's time and memory. */
export const textLimits: TextLimits = {
  json: { bytes: 8 * 1024 * 1024, depth: 100 },
  yaml: { bytes: 1024 * 1024, depth: 64, values: 200_000 },
};

/** The format that a media type claims; undefined for one that claims neither. */
export function claimedText(mediaType: string): 'json' | 'yaml' | undefined {
  const essence = essenceOf(mediaType);
  if (essence === 'application/json' || essence === 'text/json' || essence.endsWith('+json')) return 'json';
  const isYaml = /^(?:application|text)\/(?:x-)?yaml$/.test(essence) || essence.endsWith('+yaml');
  return isYaml ? 'yaml' : undefined;
}

/** What stands against the blob, in words that go on from its name; undefined where nothing does. */
export async function inspectText(
  blob: BlobView,
  format: 'json' | 'yaml',
  limits: TextLimits = textLimits,
): Promise<string | undefined> {
  const bytes = await readAll(blob, limits[format].bytes);
  if (bytes === undefined) return `is larger than the ${limits[format].bytes} bytes that are read as ${words[format]}`;
  const text = decodeUtf8(bytes);
  if (text === undefined) return `is declared as ${words[format]}, but is no UTF-8 text`;
  const problem = format === 'yaml' ? yamlStreamProblem(text, limits.yaml) : jsonProblem(text, limits.json.depth);
  return problem === undefined ? undefined : `is no ${words[format]} that can be read: ${problem}`;
}

const words = { json: 'JSON', yaml: 'YAML' } as const;

function jsonProblem(text: string, maxDepth: number): string | undefined {
  try {
    assertJsonStrict(text, { maxDepth });
    return undefined;
  } catch (error) {
    if (!isAppError(error, 'REQUEST_MALFORMED')) throw error;
    const [fault] = error.faults;
    return fault === undefined ? error.message : `${fault.pointer.slice(0, 200)} ${fault.message}`.trim();
  }
}
