import { describe, expect, it } from 'vitest';
import { toLoggedError } from '#http/server-log.ts';

describe('an error in the log', () => {
  it('is its kind, words, code, stack and cause, and nothing that a driver hung on it', () => {
    const cause = Object.assign(new TypeError('inner'), { password: 'secret' });
    const error = Object.assign(new Error('outer', { cause }), { code: '57P01', client: { options: '-c secret=1' } });
    const logged = toLoggedError(error);
    expect(logged).toMatchObject({
      type: 'Error',
      message: 'outer',
      code: '57P01',
      cause: { type: 'TypeError', message: 'inner' },
    });
    expect(JSON.stringify(logged)).not.toContain('secret');
  });

  it('is words also where no error was thrown', () => {
    expect(toLoggedError('words')).toEqual({ message: 'words' });
  });
});
