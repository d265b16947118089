/**
 * Generates Prisma's client when prisma/schema.prisma or Prisma itself has changed. Plain JavaScript, run after an install
 * under whatever Node there is (20 or newer); needs no network; does nothing where the schema or Prisma is not installed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const schemaFile = join(root, 'prisma', 'schema.prisma');
const output = join(root, 'src', 'metadata', 'generated');
const stampFile = join(output, 'stamp');

const prisma = findPrisma();
// The packed program carries the client; there is nothing to generate it from.
if (existsSync(schemaFile) && prisma !== undefined) generate(prisma);

function findPrisma() {
  try {
    return createRequire(join(root, 'package.json')).resolve('prisma/package.json');
  } catch {
    return undefined;
  }
}

function generate(manifestFile) {
  const manifest = readFileSync(manifestFile, 'utf8');
  const stamp = createHash('sha256').update(readFileSync(schemaFile)).update(JSON.parse(manifest).version).digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  const result = spawnSync(
    process.execPath,
    [join(dirname(manifestFile), JSON.parse(manifest).bin.prisma), 'generate', '--no-hints'],
    {
      cwd: root,
      encoding: 'utf8',
      // Any executable stands in for the engine that would be downloaded: generating needs none.
      env: {
        ...process.env,
        PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
        PRISMA_HIDE_UPDATE_MESSAGE: '1',
        CHECKPOINT_DISABLE: '1',
      },
    },
  );
  if (result.status !== 0) {
    console.error(`prisma generate failed:\n${result.stdout}${result.stderr}`);
    process.exit(1);
  }
  writeFileSync(stampFile, stamp);
}
