#!/usr/bin/env node
/**
 * Starts Vitrine under a Node that can run it. Plain JavaScript that any Node from 12 on parses: an older one that finds the
 * Node 24 of the npm package `node` hands over to it, signals and exit code included.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const neededMajor = 24;
const here = dirname(fileURLToPath(import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= neededMajor) start();
else handOver(findNode());

/**
 * The sources where they are, else what the npm package carries: Node strips no types under node_modules. What is compiled once is
 * kept, types stripped, for the next start, which takes half the time: from the first module on, so that it begins here.
 */
function start() {
  module.enableCompileCache();
  const sources = join(here, 'main.ts');
  import(existsSync(sources) ? './main.ts' : '../dist/src/main.js').catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
}

function findNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    return ['bin/node', 'bin/node.exe'].map((name) => join(folder, name)).find(existsSync);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    return undefined;
  }
}

function handOver(node) {
  if (node === undefined) {
    console.error(
      `vitrine: it needs Node.js ${neededMajor} or newer, and this is ${process.versions.node}. ` +
        `Install Node.js ${neededMajor}, or run \`npm install node@${neededMajor}\` beside it.`,
    );
    process.exit(1);
  }
  const child = spawn(node, [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)), { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to both already.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(`vitrine: ${node} cannot be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]));
}
