import { describe } from 'vitest';
import { isMatrix, isOfClients, strikeFailpoints } from './fault-suite.ts';
import { openOutsideBucket, openOutsideFolder } from './outside-store.ts';

describe('a server that is struck while clients upload, publish and delete, on a folder', () => {
  strikeFailpoints({ kind: 'filesystem', open: openOutsideFolder, isMeant: isOfClients });
});

if (isMatrix) {
  describe('a server that is struck while clients upload, publish and delete, on MinIO', () => {
    strikeFailpoints({ kind: 's3', open: openOutsideBucket, isMeant: isOfClients });
  });
}
