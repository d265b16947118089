/** Which releases of the OpenStack clients the suites run with: Debian's, and today's in a virtual environment that .ci/run makes. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '#test/support/vitrine-process.ts';

export interface ClientGeneration {
  readonly name: string;
  /** The interpreter whose packages are meant. */
  readonly python: string;
  /** The folder of its programs. */
  readonly programs: string;
  /** Whether its uploads say beforehand how many bytes they are. */
  readonly tellsSize: boolean;
}

export const debianClients: ClientGeneration = {
  name: "Debian's clients",
  python: '/usr/bin/python3',
  programs: '/usr/bin',
  tellsSize: false,
};

/** Of the releases in requirements.txt. */
export const todaysClients: ClientGeneration = inVirtualEnvironment(
  process.env['VITRINE_TEST_CLIENTS'] ?? join(homedir(), '.cache', 'vitrine-ci', 'clients'),
);

/** What a generation lacks here. */
export async function missingClients({ name, python }: ClientGeneration): Promise<readonly string[]> {
  if (!existsSync(python)) return [name];
  const { code } = await run(python, ['-c', 'import glanceclient.shell, openstack, openstackclient.shell']);
  return code === 0 ? [] : [name];
}

function inVirtualEnvironment(folder: string): ClientGeneration {
  const programs = join(folder, 'bin');
  return { name: "today's clients", python: join(programs, 'python3'), programs, tellsSize: true };
}
