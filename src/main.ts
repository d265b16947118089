/** Arguments to the command line, its result to the exit code. */
import { setFlagsFromString } from 'node:v8';

// Threads that strip types at the same time tier up the same WebAssembly wrappers, and V8 may then free one of them twice, which ends
// the process (seen in Node 24 about once in two hundred starts of several threads). Wrappers that are not tiered up are only slower.
setFlagsFromString('--wasm-wrapper-tiering-budget=2147483647');
const { armFromEnvironment } = await import('#base/failpoint.ts');
armFromEnvironment(process.env);
const { runCli } = await import('#cli/cli.ts');
process.exitCode = await runCli(process.argv.slice(2));
