/** Vitrine's own API tokens: made, listed and revoked by those who may. */
import { createToken } from '#ops/create-token.ts';
import { listTokens } from '#ops/list-tokens.ts';
import { revokeToken } from '#ops/revoke-token.ts';
import { roles } from '#policy/policy.ts';
import { withoutNulls } from './artifact-inputs.ts';
import type { SchemaParts } from './schema-parts.ts';

type Token = Awaited<ReturnType<typeof listTokens>>[number];
type CreatedToken = Awaited<ReturnType<typeof createToken>>;
type TokenRefs = ReturnType<typeof defineToken>;

const errors = ['ValidationError', 'NotFoundError', 'ForbiddenError', 'ConflictError', 'LimitError'] as const;

export function addTokens(parts: SchemaParts): void {
  const refs = defineToken(parts);
  parts.builder.queryField('tokens', (t) =>
    t.field({
      type: [refs.token],
      description: 'The tokens the caller may see; never their secrets.',
      resolve: (_root, _args, { op }) => listTokens(op, {}),
    }),
  );
  addCreateToken(parts, refs);
  addRevokeToken(parts, refs);
}

function defineToken({ builder }: SchemaParts) {
  const role = builder.enumType('Role', { values: roles });
  const token = builder.objectRef<Token>('Token').implement({
    description: 'An API token; its secret is shown once, when it is made.',
    fields: (t) => ({
      id: t.exposeID('id'),
      project: t.exposeString('project'),
      subject: t.exposeString('subject'),
      roles: t.field({ type: [role], resolve: (value) => value.roles }),
      description: t.exposeString('description'),
      createdBy: t.exposeString('createdBy'),
      createdAt: t.field({ type: 'DateTime', resolve: (value) => value.createdAt }),
      expiresAt: t.field({ type: 'DateTime', nullable: true, resolve: (value) => value.expiresAt }),
      revokedAt: t.field({ type: 'DateTime', nullable: true, resolve: (value) => value.revokedAt }),
    }),
  });
  return { role, token };
}

function addCreateToken({ builder, defineMutation }: SchemaParts, { role, token }: TokenRefs): void {
  defineMutation({
    name: 'createToken',
    description: 'Makes an API token.',
    input: builder.inputType('CreateTokenInput', {
      fields: (t) => ({
        project: t.string({ description: "The caller's own where left out." }),
        subject: t.string({ required: true, description: 'Who will call with it.' }),
        roles: t.field({ type: [role], required: true }),
        description: t.string(),
        expiresInMs: t.field({ type: 'Long', description: 'Never where left out.' }),
      }),
    }),
    payload: builder.objectRef<CreatedToken>('CreateTokenPayload').implement({
      fields: (t) => ({
        token: t.field({ type: token, resolve: (value) => value.token }),
        secret: t.exposeString('secret', { description: 'Shown now and never again.' }),
      }),
    }),
    errors,
    run: ({ op }, input) => createToken(op, { ...withoutNulls(input), subject: input.subject, roles: input.roles }),
  });
}

function addRevokeToken({ builder, defineMutation }: SchemaParts, { token }: TokenRefs): void {
  interface RevokedToken {
    readonly token: Token;
  }
  defineMutation({
    name: 'revokeToken',
    description: 'Ends an API token at once.',
    input: builder.inputType('RevokeTokenInput', { fields: (t) => ({ id: t.id({ required: true }) }) }),
    payload: builder.objectRef<RevokedToken>('RevokeTokenPayload').implement({
      fields: (t) => ({ token: t.field({ type: token, resolve: (value) => value.token }) }),
    }),
    errors,
    run: async ({ op }, input) => ({ token: await revokeToken(op, input) }),
  });
}
