-- Schema 4: what transports remember of their servers, from one process to the next.

CREATE TABLE memory (
  transport TEXT NOT NULL,
  topic TEXT NOT NULL,
  -- JSON; what it means is the transport's affair.
  value TEXT NOT NULL,
  -- Good until then; NULL: until it says otherwise.
  until INTEGER,
  PRIMARY KEY (transport, topic)
) STRICT, WITHOUT ROWID;
