import { debianClients } from './client-generations.ts';
import { describeClients } from './clients-suite.ts';

await describeClients(debianClients);
