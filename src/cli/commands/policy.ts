/** Policies without a server: whether files of them are good, what they say to a caller, and what they may speak of. */
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { AppError } from '#base/app-error.ts';
import { artifactStates, visibilities } from '#core/artifact.ts';
import { type Action, actions, createCaller, isRole, loadPolicy, type Resource, renderSchema, roles } from '#policy/policy.ts';
import { type CliIo, printJson, printLine } from '../cli-io.ts';
import { collect, createCommand, type JsonOption } from '../command-kit.ts';
import { addConfigOptions, type ConfigFlags, configHelp, readConfig } from '../config-options.ts';

export function createPolicyCommand(io: CliIo): Command {
  return new Command('policy')
    .summary('check policies, and ask what they say')
    .description('Check policies, and ask what they say. docs/authorisation.md has how to write them.')
    .addCommand(createCheckCommand(io))
    .addCommand(createExplainCommand(io))
    .addCommand(createSchemaCommand(io));
}

function createCheckCommand(io: CliIo): Command {
  const command = createCommand(
    'check',
    'read files of policies, and say every mistake in them',
    ['policy check', 'policy check restricted.cedar', 'policy check --config /etc/vitrine.yaml'],
    `\nWithout a file: those that a server here would run with.${configHelp}`,
  ).argument('[file...]', 'files of policies in Cedar');
  return addConfigOptions(command).action(async (given: string[], options: JsonOption & ConfigFlags) => {
    const { policy } = readConfig(io, options).config;
    const files = given.length > 0 ? given.map((file) => resolve(io.cwd, file)) : policy.files;
    await loadPolicy({ files, includeDefault: policy.includeDefault, hasReasons: true });
    if (options.json === true) printJson(io, { files, includeDefault: policy.includeDefault });
    else {
      const shipped = policy.includeDefault ? ['the shipped policies'] : [];
      printLine(io, `good: ${[...shipped, ...files].join(', ') || 'no policies, which deny everything'}`);
    }
  });
}

interface ExplainOptions extends JsonOption {
  readonly action: Action;
  readonly role?: readonly string[];
  readonly roleName?: readonly string[];
  readonly caller: string;
  readonly project: string;
  readonly owner?: string;
  readonly type: string;
  readonly name?: string;
  readonly artifactVersion?: string;
  readonly id: string;
  readonly state: NonNullable<Resource['state']>;
  readonly visibility: NonNullable<Resource['visibility']>;
  readonly hidden?: boolean;
  readonly protected?: boolean;
  readonly tag?: readonly string[];
  readonly property?: readonly string[];
  readonly member?: string;
}

function createExplainCommand(io: CliIo): Command {
  const examples = [
    'policy explain --action artifact:delete --role member --project red --owner blue',
    'policy explain --action blob:download --role member --project red --owner blue --property restricted=true',
    'policy explain --action member:remove --role member --project red --owner blue --member red --json',
  ];
  const notes = `\nWhat the caller may not see is not found before any policy is asked.${configHelp}`;
  const command = createCommand(
    'explain',
    'say what the policies of a server here allow, and which of them decide',
    examples,
    notes,
  )
    .addOption(new Option('--action <action>', 'what is to be done').choices(actions).makeOptionMandatory())
    .addOption(new Option('--role <role>', `of the caller, repeatable: ${roles.join(', ')}`).argParser(collect))
    .addOption(new Option('--role-name <name>', 'of the caller, any other role by its name, repeatable').argParser(collect))
    .option('--caller <id>', 'id of the caller', 'caller')
    .option('--project <project>', 'of the caller', 'default')
    .option('--owner <project>', 'whose it is; by default the caller’s')
    .option('--type <type>', 'of the artifact', '')
    .option('--name <name>', 'of the artifact')
    .option('--artifact-version <version>', 'of the artifact')
    .option('--id <id>', 'of the artifact', '')
    .addOption(new Option('--state <state>', 'of the artifact').choices(artifactStates).default('active'))
    .addOption(new Option('--visibility <visibility>', 'of the artifact').choices(visibilities).default('private'))
    .option('--hidden', 'the artifact is hidden')
    .option('--protected', 'the artifact is protected')
    .addOption(new Option('--tag <tag>', 'of the artifact, repeatable').argParser(collect))
    .addOption(new Option('--property <name=text>', 'of the artifact, repeatable').argParser(collect))
    .option('--member <project>', 'for actions on a share: the project it is with');
  return addConfigOptions(command).action((options: ExplainOptions & ConfigFlags) => explain(io, options));
}

async function explain(io: CliIo, options: ExplainOptions & ConfigFlags): Promise<void> {
  const { policy } = readConfig(io, options).config;
  const loaded = await loadPolicy({ ...policy, hasReasons: true });
  const { action } = options;
  const { isAllowed, policies, isFailed } = loaded.decide(callerOf(options), action, resourceOf(options));
  if (options.json === true) {
    printJson(io, { action, allowed: isAllowed, policies: [...policies], failed: isFailed });
    return;
  }
  const by = policies.length === 0 ? 'nothing permits it' : policies.join(', ');
  printLine(io, `${isAllowed ? 'allowed' : 'denied'}: ${action}`);
  printLine(io, `  by ${isFailed ? `${by}, which cannot be evaluated` : by}`);
}

function callerOf({ role = [], roleName = [], caller, project }: ExplainOptions) {
  const unknown = role.find((name) => !isRole(name));
  if (unknown !== undefined) {
    throw new AppError('USAGE', `--role is one of ${roles.join(', ')}, not ${unknown}; others are given by --role-name.`);
  }
  // As a server tells them to policies.
  const roleNames = new Set([...role, ...roleName].map((name) => name.toLowerCase()));
  return createCaller(caller, project, role.filter(isRole), { roleNames });
}

function resourceOf(options: ExplainOptions): Resource {
  const { action, project, owner = project, type, name = null, artifactVersion: version = null, id, state, visibility } = options;
  const { hidden = false, protected: isProtected = false, tag: tags = [], property = [], member } = options;
  if (member === undefined && (action === 'member:update' || action === 'member:remove')) {
    throw new AppError('USAGE', `${action} is about a share: say with --member whose.`);
  }
  const about = { id, project: owner, type, name, version, state, visibility, hidden, protected: isProtected, tags };
  const memberProject = action.startsWith('member:') ? member : undefined;
  return { ...about, properties: Object.fromEntries(property.map(readProperty)), memberProject };
}

function readProperty(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new AppError('USAGE', `--property is name=text, not ${JSON.stringify(text)}.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function createSchemaCommand(io: CliIo): Command {
  return createCommand('schema', 'print what policies may speak of, as Cedar’s schema', [
    'policy schema > vitrine.cedarschema',
  ]).action((options: JsonOption) => {
    const schema = renderSchema(actions);
    if (options.json === true) printJson(io, { schema });
    else io.out(schema);
  });
}
