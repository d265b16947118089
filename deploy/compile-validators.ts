/**
 * Writes src/base/generated/validators.cjs: whatever a start with the default configuration and the types of this tree would
 * compile, compiled ahead. Run after an install; without it a start compiles the same itself.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import standaloneModule from 'ajv/dist/standalone/index.js';
import { type CompiledValidator, watchCompiling } from '#base/validator.ts';
import { loadConfig } from '#config/config.ts';
import { loadTypes } from '#types/load-types.ts';

const standaloneCode = standaloneModule.default;
const root = join(import.meta.dirname, '..');
const folder = join(root, 'src/base/generated');

const found: CompiledValidator[] = [];
watchCompiling((compiled) => found.push(compiled));
loadConfig({ env: {}, cwd: root });
await using _types = await loadTypes({ folders: [join(root, 'artifact-types')] });

const modules = found.map(
  ({ key, ajv, validate }) =>
    `exports['${key}'] = (() => {\nconst module = {};\nconst exports = {};\n${standaloneCode(ajv, validate)}\nreturn module.exports;\n})();\n`,
);
mkdirSync(folder, { recursive: true });
// Whole or not at all: a start may be reading it.
const file = join(folder, 'validators.cjs');
writeFileSync(`${file}.new`, modules.join(''));
renameSync(`${file}.new`, file);
console.log(`validators: ${found.length} compiled ahead`);
