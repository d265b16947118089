import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { answerJson } from '#test/support/fake-keystone.ts';
import { second, startedAt, useKeystoneStage } from '#test/support/keystone-stage.ts';

const stage = useKeystoneStage();
const { down, identify, open, refusal, validations } = stage;

/** For a Keystone that does not answer. */
const impatient = () => open({ timeoutMs: 300 });

describe('asking', () => {
  it('happens once for many requests at once, and not again within the age', async () => {
    stage.fake.tokens.set('t', {});
    const callers = await Promise.all(Array.from({ length: 50 }, () => identify('t')));
    stage.elapsed += 44 * second;
    callers.push(await identify('t'));
    expect(new Set(callers).size).toBe(1);
    expect(validations()).toHaveLength(1);
  });

  it('happens for a few tokens at a time', async () => {
    const tokens = Array.from({ length: 100 }, (_, index) => `t${index}`);
    let running = 0;
    let most = 0;
    stage.fake.instead = async (_request, response) => {
      running += 1;
      most = Math.max(most, running);
      await sleep(20);
      running -= 1;
      answerJson(response, 404, {});
    };
    const found = await Promise.all(tokens.map((token) => refusal(token)));
    expect(new Set(found)).toEqual(new Set(['nobody']));
    expect(validations()).toHaveLength(100);
    expect(most).toBeLessThanOrEqual(32);
  });

  it('answers at once, without a promise, what is known', async () => {
    stage.fake.tokens.set('t', {});
    await identify('t');
    expect(stage.keystone.identify({ token: 't', serviceToken: undefined, method: 'GET', path: '/' })).toMatchObject({ id: 'u' });
  });

  it('happens again beside a request near the end of the age, and instead of one after it', async () => {
    stage.fake.tokens.set('t', { roles: ['member'] });
    await identify('t');
    stage.fake.tokens.set('t', { roles: ['admin'] });
    stage.elapsed += 46 * second;
    expect(await identify('t')).toMatchObject({ isAdmin: false });
    await expect.poll(async () => (await identify('t'))?.isAdmin).toBe(true);
    expect(validations()).toHaveLength(2);
    stage.fake.tokens.set('t', { roles: ['member'] });
    stage.elapsed += 61 * second;
    expect(await identify('t')).toMatchObject({ isAdmin: false });
  });

  it('remembers as many tokens as it is told, the latest used', async () => {
    const by = open({ cacheTokens: 2 });
    for (const token of ['a', 'b', 'c']) {
      stage.fake.tokens.set(token, {});
      await identify(token, { by });
    }
    await identify('c', { by });
    await identify('b', { by });
    expect(validations()).toHaveLength(3);
    await identify('a', { by });
    expect(validations()).toHaveLength(4);
  });

  it.each([
    ['with a blank', 'a b'],
    ['with a line end', 'a\r\nX-Subject-Token: t'],
    ['that is empty', ''],
    ['that is longer than any', 'a'.repeat(3_073)],
    ['beyond ASCII', 'tökén'],
  ])('does not happen for a text %s', async (_what, token) => {
    expect(await refusal(token)).toBe('nobody');
    expect(validations()).toEqual([]);
  });
});

describe('a token that Keystone refuses', () => {
  it('is nobody, and not asked about again for a moment only', async () => {
    expect(await refusal('t')).toBe('nobody');
    expect(await refusal('t')).toBe('nobody');
    expect(validations()).toHaveLength(1);
    stage.fake.tokens.set('t', {});
    stage.elapsed += 2 * second;
    expect(await refusal('t')).toBe('somebody');
  });

  it.each([400, 431])('is nobody where %i is said to it, and no outage to others', async (status) => {
    stage.fake.tokens.set('t', {});
    stage.fake.instead = (_request, response) => answerJson(response, status, {});
    expect(await refusal('a'.repeat(3_072))).toBe('nobody');
    stage.fake.instead = undefined;
    expect(await refusal('t')).toBe('somebody');
  });

  it('is nobody within the age of what was said before, when it was revoked', async () => {
    stage.fake.tokens.set('t', {});
    await identify('t');
    stage.fake.tokens.delete('t');
    stage.elapsed += 59 * second;
    await refusal('t');
    stage.elapsed += 2 * second;
    expect(await refusal('t')).toBe('nobody');
  });

  it('stays nobody when it was found revoked before its age was over', async () => {
    stage.fake.tokens.set('t', {});
    await identify('t');
    stage.fake.tokens.delete('t');
    stage.elapsed += 46 * second;
    await expect.poll(() => refusal('t')).toBe('nobody');
    stage.elapsed += 3 * second;
    expect(await refusal('t')).toBe('nobody');
  });

  it('pushes no good one out', async () => {
    const by = open({ cacheTokens: 1 });
    stage.fake.tokens.set('t', {});
    await identify('t', { by });
    for (let guess = 0; guess < 20; guess += 1) await refusal(`guess-${guess}`, { by });
    const before = validations().length;
    expect(await refusal('t', { by })).toBe('somebody');
    expect(validations()).toHaveLength(before);
  });

  it('is over at its end, also when it is remembered', async () => {
    stage.fake.tokens.set('t', { expiresAt: startedAt + 10 * second });
    expect(await refusal('t')).toBe('somebody');
    stage.elapsed += 10 * second;
    expect(await refusal('t')).toBe('nobody');
  });

  it('is Keystone’s to judge where our clock says that it is over', async () => {
    stage.fake.tokens.set('t', { extra: { expires_at: new Date(startedAt - second).toISOString() } });
    expect(await refusal('t')).toBe('somebody');
    expect(await refusal('t')).toBe('somebody');
    expect(validations()).toHaveLength(2);
  });
});

describe('while Keystone is away', () => {
  it('known tokens go on past their age, for as long as is set', async () => {
    stage.fake.tokens.set('t', {});
    await identify('t');
    down();
    for (const at of [50, 61, 120, 359]) {
      stage.elapsed = at * second;
      expect(await refusal('t')).toBe('somebody');
    }
    stage.elapsed = 361 * second;
    expect(await refusal('t')).toBe('IDENTITY_UNAVAILABLE');
  });

  it('known tokens do not go on past their end', async () => {
    stage.fake.tokens.set('t', { expiresAt: startedAt + 90 * second });
    await identify('t');
    down();
    stage.elapsed = 89 * second;
    expect(await refusal('t')).toBe('somebody');
    stage.elapsed = 91 * second;
    expect(await refusal('t')).toBe('IDENTITY_UNAVAILABLE');
  });

  it('others are told to come back, and it is not asked for each of them', async () => {
    down();
    expect(await refusal('a')).toBe('IDENTITY_UNAVAILABLE');
    const before = stage.fake.asked.length;
    for (let guess = 0; guess < 20; guess += 1) expect(await refusal(`t${guess}`)).toBe('IDENTITY_UNAVAILABLE');
    expect(stage.fake.asked).toHaveLength(before);
    stage.elapsed += second;
    await refusal('a');
    expect(stage.fake.asked.length).toBeGreaterThan(before);
  });

  it('whoever waited for a turn does not wait for another failure', async () => {
    const by = impatient();
    stage.fake.tokens.set('known', {});
    await identify('known', { by });
    stage.fake.instead = () => undefined;
    const tokens = Array.from({ length: 100 }, (_, index) => `t${index}`);
    const found = await Promise.all(tokens.map((token) => refusal(token, { by })));
    expect(new Set(found)).toEqual(new Set(['IDENTITY_UNAVAILABLE']));
    expect(validations()).toHaveLength(1 + 32);
  });

  it('known tokens do not wait for it', async () => {
    const by = impatient();
    stage.fake.tokens.set('t', {});
    await identify('t', { by });
    stage.fake.instead = () => undefined;
    stage.elapsed = 61 * second;
    await identify('t', { by });
    stage.elapsed = 70 * second;
    expect(by.identify({ token: 't', serviceToken: undefined, method: 'GET', path: '/' })).not.toBeInstanceOf(Promise);
  });

  it('it is asked once a second for those who are known', async () => {
    stage.fake.tokens.set('t', {});
    await identify('t');
    down();
    stage.elapsed = 61 * second;
    await identify('t');
    const before = stage.fake.asked.length;
    for (let step = 0; step < 20; step += 1) {
      stage.elapsed += 40;
      await identify('t');
      await setImmediate();
    }
    expect(stage.fake.asked).toHaveLength(before);
  });

  it('nothing stays of it once it is back', async () => {
    stage.fake.tokens.set('t', {});
    await identify('t');
    down();
    stage.elapsed = 61 * second;
    await refusal('t');
    stage.fake.instead = undefined;
    stage.fake.tokens.delete('t');
    stage.elapsed = 63 * second;
    await refusal('t');
    await expect.poll(() => refusal('t')).toBe('nobody');
    stage.fake.tokens.set('u', {});
    await identify('u');
    stage.fake.tokens.delete('u');
    stage.elapsed += 61 * second;
    expect(await refusal('u')).toBe('nobody');
  });
});

describe('each question', () => {
  it('is told to whoever measures, with what came of it', async () => {
    const told: string[] = [];
    const by = open({ observe: (outcome) => told.push(outcome) });
    stage.fake.tokens.set('t', {});
    for (const token of ['t', 't', 'forged']) await refusal(token, { by });
    down();
    await refusal('u', { by });
    expect(told).toEqual(['confirmed', 'refused', 'unanswered']);
  });
});
