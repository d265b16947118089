/** The door of the room: the database, its migrations, and the records, one namespace each. */
export { isForeignKeyViolation, isUniqueViolation } from './database-errors.ts';
export { type OpenDatabaseOptions, openDatabase } from './open-database.ts';
