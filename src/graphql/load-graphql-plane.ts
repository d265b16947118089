/** The plane for a server that runs already: what it stands on is loaded part by part, so that requests have their turns between. */
import { setImmediate as nextTurn } from 'node:timers/promises';

export async function loadGraphqlPlane(): Promise<typeof import('./graphql-plane.ts')> {
  for (const part of [() => import('graphql'), () => import('@pothos/core'), () => import('graphql-yoga')]) {
    await part();
    await nextTurn();
  }
  return import('./graphql-plane.ts');
}
