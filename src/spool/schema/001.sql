-- Schema 1.
--
-- States are numbers, the place of the state in the order of QueueState: 0 in flight, 1 in doubt, 2 queued,
-- 3 deferred, 4 held, 5 failed, 6 sent. An envelope's state is the least of its recipients'.
-- Times are seconds since the Unix epoch. Identifiers are never used twice.

-- What is the same for all envelopes of a content.
CREATE TABLE message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  author TEXT NOT NULL,
  subject TEXT NOT NULL,
  message_id TEXT NOT NULL,
  size INTEGER NOT NULL,
  eight_bit INTEGER NOT NULL,
  smtputf8 INTEGER NOT NULL,
  is_report INTEGER NOT NULL,
  -- While its content is still being written: the token of who writes. NULL once submitted.
  staged_by TEXT
) STRICT;

CREATE INDEX message_staged ON message (staged_by) WHERE staged_by IS NOT NULL;

-- The content, in pieces of one size (the last may be shorter), so that none is ever whole in memory.
CREATE TABLE chunk (
  id INTEGER PRIMARY KEY,
  message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  UNIQUE (message, number)
) STRICT;

-- One message, one sender, one transport. Sent ones stay, without content, until history is pruned.
CREATE TABLE envelope (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  message INTEGER NOT NULL REFERENCES message (id),
  transport TEXT NOT NULL,
  sender TEXT NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6),
  size INTEGER NOT NULL,
  -- Tries since it was submitted, retried by hand or given to another transport.
  attempts INTEGER NOT NULL DEFAULT 0,
  queued_at INTEGER NOT NULL,
  not_before INTEGER,
  next_try INTEGER,
  last_attempt INTEGER,
  last_reply TEXT,
  -- JSON list of the transports that did not take it.
  declined TEXT NOT NULL DEFAULT '[]',
  -- In flight: when its last byte was about to go out. NULL before that.
  offered_at INTEGER,
  -- The flush that claimed it last.
  run INTEGER NOT NULL DEFAULT 0,
  -- What a claim goes by: from when on it may go out, back-off and the sender's wish regarded.
  due INTEGER GENERATED ALWAYS AS (
    CASE state WHEN 2 THEN COALESCE(not_before, 0) WHEN 3 THEN COALESCE(next_try, 0) END
  ) VIRTUAL
) STRICT;

CREATE INDEX envelope_due ON envelope (transport, state, due) WHERE due IS NOT NULL;
-- What a claim goes by when back-off is lifted: the ones this flush has had are left out without reading them.
CREATE INDEX envelope_tried ON envelope (transport, run) WHERE state = 3;
CREATE INDEX envelope_age ON envelope (transport, state, queued_at);
-- What lists show, in their usual order, without the history.
CREATE INDEX envelope_open ON envelope (id, transport, state) WHERE state <> 6;
CREATE INDEX envelope_message ON envelope (message);

CREATE TABLE recipient (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  envelope INTEGER NOT NULL REFERENCES envelope (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 6),
  -- In flight: its state before the claim.
  earlier INTEGER,
  reply TEXT,
  -- JSON of a Failure.
  failure TEXT
) STRICT;

CREATE INDEX recipient_envelope ON recipient (envelope);

CREATE TABLE attempt (
  envelope INTEGER NOT NULL REFERENCES envelope (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  began INTEGER NOT NULL,
  ended INTEGER,
  result TEXT NOT NULL,
  PRIMARY KEY (envelope, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE received (
  transport TEXT NOT NULL,
  mailbox TEXT NOT NULL,
  uid TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (transport, mailbox, uid)
) STRICT, WITHOUT ROWID;

-- How many envelopes stand where, and their content bytes: kept by the triggers below and by nothing else.
CREATE TABLE count (
  transport TEXT NOT NULL,
  state INTEGER NOT NULL,
  n INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (transport, state)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER envelope_added AFTER INSERT ON envelope BEGIN
  INSERT INTO count (transport, state, n, bytes) VALUES (new.transport, new.state, 1, new.size)
    ON CONFLICT (transport, state) DO UPDATE SET n = n + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER envelope_moved AFTER UPDATE OF transport, state ON envelope
WHEN old.state <> new.state OR old.transport <> new.transport BEGIN
  UPDATE count SET n = n - 1, bytes = bytes - old.size WHERE transport = old.transport AND state = old.state;
  INSERT INTO count (transport, state, n, bytes) VALUES (new.transport, new.state, 1, new.size)
    ON CONFLICT (transport, state) DO UPDATE SET n = n + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER envelope_removed AFTER DELETE ON envelope BEGIN
  UPDATE count SET n = n - 1, bytes = bytes - old.size WHERE transport = old.transport AND state = old.state;
END;
