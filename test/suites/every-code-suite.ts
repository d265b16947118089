/** Every answer that the OpenAPI document names of a plane is provoked on a running server, and held to the document. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { World } from '#test/support/every-code-world.ts';
import type { OpenApiChecker, SeenAnswer } from '#test/support/openapi-checker.ts';

export type Provoke = () => Promise<SeenAnswer>;

/** `GET /a/{id}` → status → how it comes about. */
export type Provoked = Readonly<Record<string, Readonly<Record<number, Provoke>>>>;

export interface EveryCodeOptions {
  readonly isPart: (path: string) => boolean;
  /** Opened before the tests run. */
  readonly world: () => World;
  readonly checker: OpenApiChecker;
  readonly provoked: Provoked;
  /** What is the same for operations of this plane; the path is one of nothing that is there. */
  readonly anywhere?: (operation: string, path: string, status: number) => Provoke | undefined;
}

export function everyCodeSuite({ isPart, world, checker, provoked, anywhere }: EveryCodeOptions): void {
  const documented = checker.answers(isPart);

  /** By nobody, of nothing that is there; and a write that would be good at another time. */
  function provokeAnywhere(operation: string, status: number): Provoke | undefined {
    const [method = '', template = ''] = operation.split(' ');
    const path = template.replace('{id}', randomUUID()).replaceAll(/\{\w+\}/g, 'any');
    const { 200: shown, 201: made = shown, 204: done = made } = provoked[operation] ?? {};
    if (status === 401) return () => world().ask(method, path, { as: 'nobody' });
    if (status === 404) return () => world().ask(method, path);
    if (status === 503 && done !== undefined) return () => world().whileReadOnly(done);
    return anywhere?.(operation, path, status);
  }

  describe('each answer that the OpenAPI document names', () => {
    it('is provoked here, and no other is', () => {
      expect(documented.length).toBeGreaterThan(80);
      const said = Object.entries(provoked).flatMap(([name, codes]) => Object.keys(codes).map((status) => `${name} ${status}`));
      expect(said.filter((name) => !documented.includes(name))).toEqual([]);
    });

    // What waits for a lease of another node to end takes longer than most.
    it.each(documented)('%s', { timeout: 60_000 }, async (name) => {
      const [method, path, code] = name.split(' ');
      const [operation, status] = [`${method} ${path}`, Number(code)];
      const provoke = provoked[operation]?.[status] ?? provokeAnywhere(operation, status);
      if (provoke === undefined) throw new Error('nothing here provokes it');
      const answer = await provoke();
      expect(`${answer.status} ${answer.status === status ? '' : answer.text}`.trim()).toBe(code);
      expect(checker.faultsOf(operation, answer)).toEqual([]);
      expect(answer.headers['x-openstack-request-id']).toMatch(/^req-/);
    });
  });
}
