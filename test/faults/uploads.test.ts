import { describe } from 'vitest';
import { strikeFailpoints } from './fault-suite.ts';
import { openOutsideFolder } from './outside-store.ts';

const areas = ['upload', 'blobs', 'negotiate', 'publish', 'delete', 'restore'];

describe('a server that is struck while clients upload, publish and delete, on a folder', () => {
  strikeFailpoints({ kind: 'filesystem', open: openOutsideFolder, isMeant: (name) => areas.includes(name.split(':')[0] ?? '') });
});
