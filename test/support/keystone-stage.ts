/** The `keystone` strategy before a Keystone that is none, with a clock that the test moves: for each test a new one. */
import { pino } from 'pino';
import { afterEach, beforeEach, expect } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import { type Caller, type Keystone, type KeystoneOptions, openKeystone } from '#policy/policy.ts';
import { type FakeKeystone, startFakeKeystone } from './fake-keystone.ts';

export const second = 1_000;
export const startedAt = Date.parse('2026-01-01T00:00:00Z');

interface Sent {
  readonly service?: string;
  readonly method?: string;
  readonly path?: string;
  /** Another than the stage's own. */
  readonly by?: Keystone;
}

export interface KeystoneStage {
  readonly fake: FakeKeystone;
  readonly keystone: Keystone;
  /** Milliseconds since `startedAt`. */
  elapsed: number;
  readonly logged: Record<string, unknown>[];
  now(): number;
  open(options?: Partial<KeystoneOptions>): Keystone;
  identify(token: string, sent?: Sent): Promise<Caller | undefined>;
  /** The code with which a token is refused; `nobody` and `somebody` where there is none. */
  refusal(token: string, sent?: Sent): Promise<string>;
  /** What Keystone was asked about tokens so far. */
  validations(): readonly string[];
  /** From now on Keystone ends every connection. */
  down(): void;
}

export const serviceUser = {
  kind: 'password',
  user: { name: 'vitrine', domain: 'Default' },
  password: 'secret-of-the-service-user',
  project: { name: 'service', domain: 'Default' },
} as const;

const roleNames = { reader: ['reader'], member: ['member'], admin: ['admin'], service: ['service'] };

/** To be called where tests are described. */
export function useKeystoneStage(): KeystoneStage {
  let fake: FakeKeystone;
  let keystone: Keystone;
  let logged: Record<string, unknown>[];
  const opened: Keystone[] = [];
  const now = () => startedAt + stage.elapsed;
  const identify: KeystoneStage['identify'] = async (token, { service, method = 'GET', path = '/v2/images', by } = {}) =>
    (by ?? keystone).identify({ token, serviceToken: service, method, path });
  const stage: KeystoneStage = {
    get fake() {
      return fake;
    },
    get keystone() {
      return keystone;
    },
    get logged() {
      return logged;
    },
    elapsed: 0,
    now,
    open(options = {}) {
      const made = openKeystone({
        ...{ url: fake.url, publicUrl: fake.url, credentials: serviceUser, serviceType: 'image', roleNames },
        ...{ cacheMs: 60 * second, outageMs: 300 * second, cacheTokens: 100, timeoutMs: 10_000 },
        log: pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) }),
        clock: { now, elapsed: () => stage.elapsed },
        ...options,
      });
      opened.push(made);
      return made;
    },
    identify,
    refusal: (token, sent) =>
      identify(token, sent).then(
        (caller) => (caller === undefined ? 'nobody' : 'somebody'),
        (error: unknown) => (isAppError(error) ? error.code : String(error)),
      ),
    validations: () => fake.asked.filter((line) => line.startsWith('GET')),
    down() {
      fake.instead = ({ socket }) => void socket.destroy();
    },
  };
  beforeEach(async () => {
    stage.elapsed = 0;
    logged = [];
    fake = await startFakeKeystone(now);
    keystone = stage.open();
    // It has logged in, or has said why not.
    await expect.poll(() => logged.length).toBe(1);
  });
  afterEach(async () => {
    for (const made of opened.splice(0)) made[Symbol.dispose]();
    await fake[Symbol.asyncDispose]();
  });
  return stage;
}
