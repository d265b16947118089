/** Arguments to the command line, its result to the exit code. The compile cache halves the time to start. */
import { enableCompileCache } from 'node:module';

enableCompileCache();
const { armFromEnvironment } = await import('#base/failpoint.ts');
armFromEnvironment(process.env);
const { runCli } = await import('#cli/cli.ts');
process.exitCode = await runCli(process.argv.slice(2));
