import { describe } from 'vitest';
import { strikeFailpoints } from './fault-suite.ts';
import { openOutsideFolder } from './outside-store.ts';

const areas = ['purge', 'draft', 'collect', 'repair', 'quarantine', 'scrub', 'job', 'store.filesystem'];

describe('a server that is struck while it maintains its stores, and in the driver of a folder', () => {
  strikeFailpoints({ kind: 'filesystem', open: openOutsideFolder, isMeant: (name) => areas.includes(name.split(':')[0] ?? '') });
});
