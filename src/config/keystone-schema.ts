/** The settings of `auth.keystone`: where a cloud's Keystone is, as whom Vitrine asks it, and what its roles mean here. */
import { timer } from './timer-schema.ts';

function text(description: string) {
  return { type: 'string', minLength: 1, maxLength: 255, description } as const;
}

/** In ASCII, and without what would end the quoted text of a 401's header. */
const addressPattern = '^https?://[!#-?A-\\[\\]-~]+$';

function roleNames(fallback: readonly string[], description: string) {
  return { type: 'array', items: { type: 'string', minLength: 1, maxLength: 255 }, default: fallback, description } as const;
}

export const keystoneSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    url: {
      type: 'string',
      pattern: addressPattern,
      'x-url': true,
      description: 'The Keystone whose tokens are taken (`https://cloud:5000/v3`); none without it.',
    },
    publicUrl: {
      type: 'string',
      pattern: addressPattern,
      'x-url': true,
      description: 'Where clients find it, told by a 401; `auth.keystone.url` when left out.',
    },
    username: text('The service user as whom Vitrine asks about tokens; it needs a role that may validate them.'),
    userDomain: { ...text('The domain of `username`, by name.'), default: 'Default' },
    userId: text('The service user by id, instead of by name and domain.'),
    password: { type: 'string', minLength: 1, 'x-secret': true, description: 'Its password.' },
    project: text('The project for which it logs in.'),
    projectDomain: { ...text('The domain of `project`, by name.'), default: 'Default' },
    projectId: text('That project by id, instead of by name and domain.'),
    applicationCredentialId: text('An application credential of the service user, instead of its password and project.'),
    applicationCredentialSecret: { type: 'string', minLength: 1, 'x-secret': true, description: 'Its secret.' },
    caFile: {
      type: 'string',
      minLength: 1,
      'x-path': true,
      description: 'Certificates (PEM) of authorities that are believed beside the usual ones.',
    },
    timeoutMs: timer(5_000, 'An answer of Keystone that takes longer is none.'),
    cacheMs: {
      type: 'integer',
      minimum: 0,
      default: 60_000,
      description: 'How long a token goes unasked: the longest time for which a revocation is not seen.',
    },
    outageMs: {
      type: 'integer',
      minimum: 0,
      default: 300_000,
      description: 'How long a token goes on past that while Keystone does not answer; never past its own end.',
    },
    cacheTokens: { type: 'integer', minimum: 1, maximum: 10_000_000, default: 20_000, description: 'Most tokens remembered.' },
    readerRoles: roleNames(['reader'], 'Keystone’s roles that are a `reader` here.'),
    memberRoles: roleNames(['member'], 'Keystone’s roles that are a `member` here.'),
    adminRoles: roleNames(['admin'], 'Keystone’s roles that are an `admin` here.'),
    serviceRoles: roleNames(
      ['service'],
      'Keystone’s roles that are a `service` here; an X-Service-Token counts with one of these.',
    ),
  },
} as const;
