import { describe } from 'vitest';
import { isMatrix, isOfClients, strikeFailpoints } from './fault-suite.ts';
import { openOutsideBucket, openOutsideFolder } from './outside-store.ts';

describe('a server that is struck while it maintains its stores, and in the driver of a folder', () => {
  strikeFailpoints({ kind: 'filesystem', open: openOutsideFolder, isMeant: (name) => !isOfClients(name) });
});

if (isMatrix) {
  describe('a server that is struck while it maintains its stores, on MinIO', () => {
    const isMeant = (name: string): boolean => !isOfClients(name) && !name.startsWith('store.');
    strikeFailpoints({ kind: 's3', open: openOutsideBucket, isMeant });
  });
}
