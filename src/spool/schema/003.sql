-- Schema 3.

-- How each transport's last run ended: known also after the process that ran it.
CREATE TABLE last_run (
  transport TEXT PRIMARY KEY,
  -- NULL: it was only checked.
  at INTEGER,
  -- JSON of a Failure; NULL: all was well.
  failure TEXT
) STRICT, WITHOUT ROWID;

-- Which program submitted it, in words.
ALTER TABLE message ADD COLUMN submitter TEXT NOT NULL DEFAULT '';
