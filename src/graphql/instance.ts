/** The instance as a whole: whether it accepts writes. */
import { getReadOnly, setReadOnly } from '#ops/set-read-only.ts';
import type { SchemaParts } from './schema-parts.ts';

type Instance = Awaited<ReturnType<typeof getReadOnly>>;
type ReadOnlyMode = Awaited<ReturnType<typeof setReadOnly>>;

const errors = ['ValidationError', 'ForbiddenError'] as const;

export function addInstance({ builder, defineMutation }: SchemaParts): void {
  const instance = builder.objectRef<Instance>('Instance').implement({
    description: 'This Vitrine: every node of its database answers alike.',
    fields: (t) => ({
      readOnly: t.exposeBoolean('readOnly', { description: 'Writes are refused with READ_ONLY while it is true.' }),
      readOnlySince: t.field({ type: 'DateTime', nullable: true, resolve: (value) => value.since }),
      readOnlyReason: t.string({ nullable: true, resolve: (value) => value.reason }),
    }),
  });
  builder.queryField('instance', (t) => t.field({ type: instance, resolve: (_root, _args, { op }) => getReadOnly(op) }));
  defineMutation({
    name: 'setReadOnly',
    description: 'Refuses or accepts writes, on every node: for the time in which the database or a store is moved.',
    input: builder.inputType('SetReadOnlyInput', {
      fields: (t) => ({
        readOnly: t.boolean({ required: true }),
        reason: t.string({ description: 'Told to everybody whose write is refused.' }),
      }),
    }),
    payload: builder.objectRef<ReadOnlyMode>('SetReadOnlyPayload').implement({
      fields: (t) => ({
        instance: t.field({ type: instance, resolve: (value) => value }),
        isQuiet: t.exposeBoolean('isQuiet', {
          description: 'Every write that had begun before is over. False: ask again in a while.',
        }),
      }),
    }),
    errors,
    run: ({ op }, input) => setReadOnly(op, input),
  });
}
