import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startVitrine } from '#test/support/vitrine-process.ts';
import { root } from '../house/modules.ts';

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

it('the Grafana dashboard asks for nothing that a server which has worked does not report', async () => {
  const dashboard: Dashboard = JSON.parse(await readFile(join(root, 'deploy/grafana-dashboard.json'), 'utf8'));
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-dashboard-'));
  await writeFile(join(folder, 'a.bin'), 'some bytes');
  await using server = await startVitrine();
  const file = join(folder, 'a.bin');
  const pushed = await server.cli(['push', '--type', 'bundle', '--name', 'b', '--version', '1.0.0', '--slot', `files=${file}`]);
  expect(pushed).toMatchObject({ code: 0 });
  expect(await server.cli(['jobs', 'run', 'keys:expire'])).toMatchObject({ code: 0 });
  const wanted = new Set(
    dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr.match(/vitrine_\w+/g) ?? [])),
  );
  expect(wanted.size).toBeGreaterThanOrEqual(12);
  const missing = async (): Promise<readonly string[]> => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const reported = new Set(text.split('\n').map((line) => line.split(/[ {]/, 1)[0]));
    const labels = new Set(text.match(/\b\w+(?==")/g));
    const grouped = dashboard.panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => [...expr.matchAll(/by \(([\w, ]+)\)/g)]),
    );
    const asked = grouped.flatMap(([, names = '']) => names.split(', '));
    return [...[...wanted].filter((name) => !reported.has(name)), ...asked.filter((label) => !labels.has(label))];
  };
  // The job has begun, and is over in a moment.
  await expect.poll(missing, { timeout: 20_000, interval: 250 }).toEqual([]);
  await rm(folder, { recursive: true, force: true });
}, 60_000);
