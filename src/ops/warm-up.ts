/** What the first caller after a start would otherwise wait for: a connection that knows the tables, code that has run before. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { randomId } from '#base/id.ts';
import type { Database } from '#metadata/database.ts';
import { closurePartRecords } from '#metadata/metadata.ts';
import { joinReady } from './get-closure-json.ts';

const nobody = { project: '', isAdmin: false };

/** Small closures often, so that V8 has compiled what it takes when the first large one comes. */
const rehearsals = 12;
const rehearsedNodes = 120;
const edgesOfNode = 3;

/** Reads nothing: there is no such artifact. Failing is no fault: then the first caller waits, or sees what is wrong. */
export async function warmUp(db: Database): Promise<void> {
  // The code warms while PostgreSQL reads its catalogues.
  await Promise.all([closurePartRecords.findReadyClosure(db, nobody, randomId(), 1, []), rehearse()]);
}

async function rehearse(): Promise<void> {
  const nodes = rehearsedClosure();
  for (let round = 0; round < rehearsals; round += 1) {
    joinReady(nodes, nodes.at(-1)?.id ?? '');
    await nextTurn();
  }
}

/** A closure that is in no database, its last node the root. */
function rehearsedClosure(): readonly closurePartRecords.ReadyNode[] {
  const ids = Array.from({ length: rehearsedNodes }, (_, place) => `rehearsed-${place}`);
  return ids.map((id, place) => ({
    ...{ id, project: 'rehearsal', type: 'rehearsed', name: id, version_key: '1' },
    ...{ head: `{"id":"${id}"`, properties: '{}', blobs: '[]', edges: '', identity: `["${id}"]` },
    targets: ids.slice(Math.max(0, place - edgesOfNode), place),
  }));
}
