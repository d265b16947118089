/** What the database knows of the whole instance: uploads that are not over, and whether writes are accepted. The same on every node. */
import { Gauge, type Registry } from 'prom-client';
import type { Database } from '#metadata/database.ts';
import { quarantineRecords, readOnlyRecords, uploadCountRecords } from '#metadata/metadata.ts';

export function observeInstance(registers: Registry[], db: Database): void {
  new Gauge({
    name: 'vitrine_upload_sessions',
    help: 'Uploads that are not over, of all nodes, by state.',
    labelNames: ['state'],
    registers,
    // A scrape is answered also while the database is away: then this keeps still.
    async collect() {
      const counts = await uploadCountRecords.countUploads(db).catch(() => []);
      if (counts.length > 0) this.reset();
      for (const { state, count } of counts) this.set({ state }, count);
    },
  });
  new Gauge({
    name: 'vitrine_locations',
    help: 'Places of blobs that are not live, of all nodes, by state: quarantined ones have lost their bytes.',
    labelNames: ['state'],
    registers,
    async collect() {
      const counts = await quarantineRecords.countPlaces(db).catch(() => []);
      for (const { state, count } of counts) this.set({ state }, count);
    },
  });
  new Gauge({
    name: 'vitrine_read_only',
    help: 'Whether writes are refused (1) or accepted (0).',
    registers,
    async collect() {
      const mode = await readOnlyRecords.findReadOnly(db).catch(() => undefined);
      if (mode !== undefined) this.set(mode.since === null ? 0 : 1);
    },
  });
}
