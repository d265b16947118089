/**
 * What decisions cost: `node bench/policy.ts`. Decisions a second from the table of the shipped policies, from Cedar's remembered
 * answers and from Cedar itself; and for each kind of policies the milliseconds to load it and the memory of the process.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCaller, loadPolicy, type Policy, type Resource } from '#policy/policy.ts';

const restricted = `forbid (principal, action == Action::"blob:download", resource)
when { resource.properties.hasTag("restricted") && resource.properties.getTag("restricted") == "true" };`;

const callers = [
  createCaller('reader', 'red', ['reader']),
  createCaller('member', 'red', ['member', 'reader']),
  createCaller('admin', 'ops', ['admin']),
];

/** Calls a second of `ask`, given the count of the call. */
function rate(count: number, ask: (index: number) => unknown): number {
  for (let index = 0; index < count / 10; index += 1) ask(index);
  const begun = performance.now();
  for (let index = 0; index < count; index += 1) ask(index);
  return Math.round((count / (performance.now() - begun)) * 1000);
}

function describe(index: number, level: string): Resource {
  const project = index % 2 === 0 ? 'red' : `project-${index % 1000}`;
  return { project, type: 'image', visibility: 'public', properties: { restricted: level } };
}

function ask(policy: Policy, action: 'artifact:read' | 'blob:download', level: (index: number) => string) {
  return (index: number) => policy.allows(callers[index % 3] as (typeof callers)[0], action, describe(index, level(index)));
}

function memoryMiB(): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1] ?? 0) / 1024;
}

/** In a process of its own, so that no other has loaded what it loads. */
async function measureLoad(file: string | undefined): Promise<void> {
  const [before, begun] = [memoryMiB(), performance.now()];
  const policy = await loadPolicy({ files: file === undefined ? [] : [file], includeDefault: true });
  const loadedMs = performance.now() - begun;
  policy.allows(callers[0] as (typeof callers)[0], 'blob:download', describe(1, 'false'));
  console.log(JSON.stringify({ loadedMs: Math.round(loadedMs), addedMiB: Math.round(memoryMiB() - before) }));
}

async function measureAll(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-bench-policy-'));
  try {
    const file = join(folder, 'restricted.cedar');
    writeFileSync(file, restricted);
    for (const [what, args] of [
      ['shipped', []],
      ['with a file', [file]],
    ] as const) {
      const out = execFileSync(process.execPath, [import.meta.filename, 'load', ...args], { encoding: 'utf8' });
      console.log(`load, ${what}: ${out.trim()}`);
    }
    const shipped = await loadPolicy({ files: [], includeDefault: true });
    const cedar = await loadPolicy({ files: [file], includeDefault: true });
    const same = () => 'false';
    console.log(`decisions a second, shipped: ${rate(1_000_000, ask(shipped, 'artifact:read', same))}`);
    console.log(`decisions a second, Cedar, by roles and projects: ${rate(1_000_000, ask(cedar, 'artifact:read', same))}`);
    console.log(`decisions a second, Cedar, by a property: ${rate(300_000, ask(cedar, 'blob:download', same))}`);
    console.log(`decisions a second, Cedar, never the same property: ${rate(5_000, ask(cedar, 'blob:download', String))}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === 'load') await measureLoad(process.argv[3]);
else await measureAll();
