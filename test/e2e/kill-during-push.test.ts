import { describe, expect, it } from 'vitest';
import { killDuringPush } from '#test/support/kill-during-push.ts';

const rounds = Number(process.env['VITRINE_KILL_ROUNDS'] ?? 3);

describe('kill -9 during pushes', () => {
  it(
    'loses nothing that was answered, leaves no reference without bytes, and no place taken',
    async () => {
      const report = await killDuringPush(rounds);
      expect(report.broken).toEqual([]);
      // A kill that interrupted nothing, or let nothing end, proved nothing.
      expect(report.answered).toBeGreaterThan(0);
      expect(report.interrupted).toBeGreaterThan(0);
    },
    60_000 + rounds * 30_000,
  );
});
