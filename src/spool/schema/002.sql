-- Schema 2: a checksum over each piece of content. NULL in pieces that were written before.

ALTER TABLE chunk ADD COLUMN crc INTEGER;
