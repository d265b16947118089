/** What the caller may do with an artifact, so that a client need not try. */
import type { Artifact } from '#core/artifact.ts';
import type { Action } from '#policy/policy.ts';
import type { Builder } from './schema-builder.ts';

const claims = {
  download: 'blob:download',
  update: 'artifact:update',
  publish: 'artifact:publish',
  upload: 'blob:upload',
  delete: 'artifact:delete',
  deactivate: 'artifact:deactivate',
  yank: 'artifact:yank',
  deprecate: 'artifact:deprecate',
  share: 'member:create',
} as const satisfies Record<string, Action>;

export function defineViewerCan(builder: Builder) {
  return builder.objectRef<Artifact>('ViewerCan').implement({
    description: 'What the policy allows the caller.',
    fields: (t) =>
      Object.fromEntries(
        Object.entries(claims).map(([name, action]) => [
          name,
          t.boolean({ resolve: (artifact, _args, { op }) => op.policy.allows(op.caller, action, artifact) }),
        ]),
      ),
  });
}
