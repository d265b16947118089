-- Everything that a version's pins reach, in the order it is answered, and the digest of that: pins never change, so neither does
-- this. Only of closures with many nodes: empty where there are few, null where nobody has looked yet.
ALTER TABLE closure_part ADD COLUMN outline uuid[];
ALTER TABLE closure_part ADD COLUMN closure_digest text;
-- Random bytes: compressing them only takes time.
ALTER TABLE closure_part ALTER COLUMN outline SET STORAGE EXTERNAL;
