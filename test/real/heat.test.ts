import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findExecutable, mustSkip } from '#test/support/suites.ts';
import { run, startVitrine, type VitrineProcess } from '#test/support/vitrine-process.ts';

const here = import.meta.dirname;
// Debian's own interpreter: the packages python3-heat and python3-heatclient install for that one.
const python = '/usr/bin/python3';
const hasHeat =
  findExecutable('sha256sum') !== undefined &&
  (await run(python, ['-c', 'import heat.engine.template, heatclient.common.template_utils']).catch(() => undefined))?.code === 0;

interface Judgement {
  readonly projection: readonly string[];
  readonly heatclient: readonly string[];
  readonly environments: readonly string[];
  readonly templates: number;
  readonly functions: number;
  readonly checked: number;
}

describe.skipIf(mustSkip('heat', hasHeat ? [] : ['python3-heat', 'python3-heatclient']))(
  'a Heat stack of many files',
  () => {
    let folder: string;
    let vitrine: VitrineProcess;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'vitrine-heat-'));
      vitrine = await startVitrine();
      const image = join(folder, 'base.img');
      for (const version of ['1.2.0', '1.10.0', '2.0.0']) {
        await writeFile(image, `the base image ${version}`);
        const args = [
          '--type',
          'image',
          '--name',
          'base',
          '--version',
          version,
          '--property',
          'disk_format=raw',
          '--property',
          'container_format=bare',
        ];
        await cli(['push', ...args, '--slot', `data=${image}`, '--publish']);
      }
      await cli(['push', join(here, 'heat-stack'), '--publish']);
    });

    afterAll(async () => {
      await vitrine[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    async function cli(args: readonly string[]): Promise<string> {
      const result = await vitrine.cli(args);
      expect(result, `${args.join(' ')}\n${result.stderr}`).toMatchObject({ code: 0 });
      return result.stdout;
    }

    it('is pulled with its closure byte for byte, the image pinned to the highest version of its range', async () => {
      const output = join(folder, 'closure');
      await cli(['pull', 'heat-template/web-stack@^1', '--output', output, '--closure']);
      const closure = JSON.parse(await readFile(join(output, 'closure.json'), 'utf8')) as {
        nodes: { type: string; version: string }[];
        complete: boolean;
      };
      expect(closure.complete).toBe(true);
      expect(closure.nodes.map((node) => `${node.type}@${node.version}`)).toEqual(['image@1.10.0', 'heat-template@1.0.0']);
      const tree = join(output, 'default/heat-template/web-stack/1.0.0');
      const diff = await run('diff', ['-r', '--exclude=vitrine.json', join(here, 'heat-stack'), tree]);
      expect(diff.stdout + diff.stderr).toBe('');
      expect(
        await readFile(join(output, 'default/image/base/1.10.0/data'), 'utf8').catch(() =>
          readFile(join(output, 'default/image/base/1.10.0/base.img'), 'utf8'),
        ),
      ).toBe('the base image 1.10.0');
    });

    it('is projected for Heat: its own engine accepts it with only those files, and heatclient collects the same keys', async () => {
      const tree = join(folder, 'tree');
      await cli(['pull', 'heat-template/web-stack', '--output', tree]);
      const projection = join(folder, 'projection.json');
      await writeFile(projection, await cli(['closure', 'heat-template/web-stack', '--projection', 'heat']));
      const judged = await run(python, [
        join(here, 'heat_check.py'),
        projection,
        tree,
        'stack.yaml',
        'env/base.yaml',
        'env/production.yaml',
      ]);
      expect(judged.code, judged.stderr.slice(-2000)).toBe(0);
      const judgement = JSON.parse(judged.stdout) as Judgement;
      expect(judgement.projection).toEqual(judgement.heatclient);
      expect(judgement).toMatchObject({
        templates: 5,
        functions: 4,
        checked: 2,
        environments: ['env/base.yaml', 'env/production.yaml'],
      });
    });

    it('is found through GraphQL by the resource types it uses, and the image by its dependents', async () => {
      const query = `{ heatTemplates(first: 5) { edges { node { name version dependencies { alias resolved { version } } } } } }`;
      const response = await fetch(`${vitrine.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
      const body = (await response.json()) as { data: { heatTemplates: { edges: unknown[] } } };
      expect(body.data.heatTemplates.edges).toEqual([
        { node: { name: 'web-stack', version: '1.0.0', dependencies: [{ alias: 'base', resolved: { version: '1.10.0' } }] } },
      ]);
      expect(await cli(['dependents', 'image/base@1.10.0'])).toContain('web-stack');
    });
  },
  120_000,
);
