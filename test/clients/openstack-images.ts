/** The words of the `openstack` command that its suites have in common. */
import type { Account } from './clients.ts';
import type { Stage } from './stage.ts';

/** As the command prints an image. */
interface Image {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly visibility: string;
  readonly protected: boolean;
  readonly owner: string;
  readonly size: number | null;
  readonly virtual_size?: number | null;
  readonly checksum: string | null;
  readonly min_disk: number;
  readonly min_ram: number;
  readonly disk_format: string | null;
  readonly container_format: string | null;
  readonly tags: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
}

interface Row {
  readonly ID: string;
  readonly Name: string;
  readonly Status: string;
}

export interface OpenstackImages {
  /** Makes an image of raw data, unless told otherwise. */
  create(account: Account, name: string, ...options: readonly string[]): Promise<Image>;
  show(account: Account, image: string): Promise<Image>;
  /** The names of a list. */
  names(account: Account, ...options: readonly string[]): Promise<string[]>;
  /** `openstack image …`, which must succeed. */
  ok(account: Account, ...args: readonly string[]): Promise<string>;
  /** What `openstack image …` said, which must fail. */
  refused(account: Account, ...args: readonly string[]): Promise<string>;
}

export const rawFormats = ['--disk-format', 'raw', '--container-format', 'bare'] as const;

/** @param stage may be filled in after this, but before any is called */
export function openstackImages(stage: Stage): OpenstackImages {
  return {
    create: (account, name, ...options) => stage.clients.openstack(account, 'image', 'create', name, ...rawFormats, ...options),
    show: (account, image) => stage.clients.openstack(account, 'image', 'show', image),
    names: async (account, ...options) => {
      const rows = await stage.clients.openstack<Row[]>(account, 'image', 'list', ...options);
      return rows.map((row) => row.Name);
    },
    ok: (account, ...args) => stage.clients.print('openstack', account, 'image', ...args),
    refused: (account, ...args) => stage.clients.complaint('openstack', account, 'image', ...args),
  };
}
