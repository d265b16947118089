/** What Prometheus reads of jobs: how they ended here, how long they took, and how many wait and run anywhere. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Database } from '#metadata/database.ts';
import { type JobEnd, jobRecords } from '#metadata/metadata.ts';

/** Told of every attempt that ended in this process. */
export type ObserveJob = (end: JobEnd) => void;

export function createJobMetrics(registry: Registry, db: Database): ObserveJob {
  const registers = [registry];
  const attempts = new Counter({
    name: 'vitrine_job_attempts_total',
    help: 'Attempts at jobs that ended in this process, by what became of them.',
    // Not `job`, which is the name Prometheus itself gives to what it asks.
    labelNames: ['name', 'outcome'],
    registers,
  });
  const duration = new Histogram({
    name: 'vitrine_job_seconds',
    help: 'Time that attempts at jobs took.',
    labelNames: ['name'],
    buckets: [0.01, 0.1, 1, 10, 60, 600, 3600, 21_600],
    registers,
  });
  new Gauge({
    name: 'vitrine_jobs',
    help: 'Jobs that wait and that run, on all nodes of the database.',
    labelNames: ['name', 'state'],
    registers,
    async collect() {
      this.reset();
      // What else there is to read does not fail with the database.
      const counts = await jobRecords.countJobs(db).catch(() => []);
      for (const { name, state, count } of counts) this.set({ name, state }, count);
    },
  });
  return ({ name, outcome, seconds }) => {
    attempts.inc({ name, outcome });
    // A job that was taken from a silent worker took no time here.
    if (seconds > 0) duration.observe({ name }, seconds);
  };
}
