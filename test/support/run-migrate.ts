/** A process that migrates the database of its first argument, as a node that starts: prints what it applied, as JSON. */
import { migrate } from '#metadata/metadata.ts';

process.stdout.write(JSON.stringify(await migrate({ url: process.argv[2] ?? '' })));
