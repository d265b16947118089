import { todaysClients } from './client-generations.ts';
import { describeClients } from './clients-suite.ts';

await describeClients(todaysClients);
