import { expect, it } from 'vitest';
import { warmUp } from '#ops/warm-up.ts';
import { createTestDatabase } from '#test/support/database.ts';

it('warming up prepares the statement of a closure on the connection that the next caller is given', async () => {
  await using test = await createTestDatabase();
  await warmUp(test.db);
  expect(await test.db.query({ text: 'SELECT name FROM pg_prepared_statements' })).toEqual([{ name: 'closure-ready' }]);
});
