/** Lists the types of a server, checks a type folder, starts a new one. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { AppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import { packageRoot } from '#base/package-root.ts';
import { createApiClient } from '../api-client.ts';
import { type CliIo, printJson, printLine } from '../cli-io.ts';
import { createCommand, createRemoteCommand, type JsonOption } from '../command-kit.ts';
import { typesDocument } from '../documents.ts';
import { objectsOf, textOf } from '../json-values.ts';

export function createTypesCommand(io: CliIo): Command {
  return new Command('types')
    .summary('list, check and start artifact types')
    .description('List the artifact types of a server, check a folder that defines one, or start a new one.')
    .addCommand(createListCommand(io))
    .addCommand(createCheckCommand(io))
    .addCommand(createNewCommand(io));
}

function createListCommand(io: CliIo): Command {
  return createRemoteCommand('list', 'list the types a server has loaded, with their slots and properties', [
    'types list',
    'types list --json',
  ]).action(async (options: JsonOption) => {
    const types = objectsOf((await createApiClient(io).query(typesDocument))['artifactTypes']);
    if (options.json === true) printJson(io, types);
    else for (const type of types) printType(io, type);
  });
}

function createCheckCommand(io: CliIo): Command {
  return createCommand('check', 'load a type folder, or a folder of them, run its fixtures, and say every fault', [
    'types check my-types/firmware',
    'types check my-types --json',
  ])
    .argument('<dir>', 'the folder')
    .action(async (dir: string, options: JsonOption) => {
      const { checkType } = await import('#types/check-type.ts');
      const { printSchema } = await import('#graphql/graphql-plane.ts');
      const reports = [];
      for (const folder of typeFolders(resolve(io.cwd, dir))) reports.push(await checkType(folder, printSchema));
      if (options.json === true) printJson(io, reports);
      else
        for (const { ok, type, folder, fixtures } of reports)
          if (ok) printLine(io, `${type}: good, ${fixtures.length} fixtures (${folder})`);
      const faults = reports.flatMap((report) => [
        ...report.faults,
        ...report.fixtures.flatMap(({ name, problem }) =>
          problem === null ? [] : [{ pointer: `${report.folder}/fixtures/${name}`, message: problem }],
        ),
      ]);
      if (faults.length > 0) throw new AppError('TYPE_INVALID', `${dir} is not ready for others.`, { faults });
    });
}

/** The folder itself where it is of a type, else the type folders in it. */
function typeFolders(folder: string): readonly string[] {
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  if (existsSync(join(folder, 'manifest.json')) || !isFolder) return [folder];
  const inside = readdirSync(folder).map((name) => join(folder, name));
  const found = inside.filter((path) => existsSync(join(path, 'manifest.json')));
  return found.length === 0 ? [folder] : found.sort();
}

function createNewCommand(io: CliIo): Command {
  return createCommand('new', 'start a new artifact type from the example', [
    'types new firmware',
    'types new firmware --output my-types',
  ])
    .argument('<type>', 'its name: lower-case words joined by hyphens')
    .option('--output <dir>', 'where its folder is made', '.')
    .action(async (type: string, options: JsonOption & { output: string }) => {
      const { newType } = await import('#types/new-type.ts');
      const example = join(packageRoot(), 'artifact-types/_example');
      const folder = newType({ name: type, example, parent: resolve(io.cwd, options.output) });
      if (options.json === true) printJson(io, { type, folder });
      else {
        printLine(io, `made ${folder}`);
        printLine(io, `  change it, then: vitrine types check ${folder}`);
      }
    });
}

function printType(io: CliIo, type: JsonObject): void {
  printLine(io, `${textOf(type['name'])}: ${textOf(type['description'])}`);
  const current = type['current'] as JsonObject;
  for (const slot of objectsOf(current['slots'])) {
    const needed = slot['required'] === true ? ', required' : '';
    printLine(io, `  slot ${textOf(slot['name'])} (${textOf(slot['kind'])}${needed}): ${textOf(slot['description'])}`);
  }
  for (const rule of objectsOf(current['dependencies'])) {
    printLine(io, `  dependency ${textOf(rule['name'])}: ${textOf(rule['description'])}`);
  }
  for (const property of objectsOf(type['properties'])) {
    const flags = ['required', 'mutable', 'filterable', 'sortable'].filter((flag) => property[flag] === true);
    printLine(
      io,
      `  ${textOf(property['name'])} (${[textOf(property['kind']), ...flags].join(', ')}): ${textOf(property['description'])}`,
    );
  }
}
