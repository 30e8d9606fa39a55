-- The log of $entries entries, which were given their places by the script of the runs.
INSERT INTO log_heads (project, size, root, sequenced_at, swept)
VALUES ('$project', $entries, UNHEX(SHA2('root', 256)), '$end', $entries);

INSERT INTO log_tiles (project, level, place, hashes)
SELECT '$project', 0, a.n * 1000 + b.n, REPEAT(UNHEX(SHA2(CONCAT(a.n, '-', b.n), 256)), 256)
FROM fill_numbers a JOIN fill_numbers b WHERE a.n * 1000 + b.n < $entries DIV 256 ORDER BY a.n, b.n;

INSERT INTO log_checkpoints (project, size, note, at)
SELECT '$project', (a.n * 1000 + b.n + 1) * ($entries DIV 10000), REPEAT('x', 250), '$end'
FROM fill_numbers a JOIN fill_numbers b WHERE a.n < 10 ORDER BY a.n, b.n;

INSERT INTO log_keys (project, number, `key`, rotation, since)
SELECT '$project', n + 1, REPEAT('k', 70), NULL, '$begin' FROM fill_numbers WHERE n < 3;

INSERT INTO log_archives (project, begin_place, end_place, earliest_at, latest_at, file, digest, archived_at)
SELECT '$project', n * 1000, (n + 1) * 1000, '$begin', '$begin', 'bundle.zip', CONCAT('sha256:', SHA2(n, 256)), '$end'
FROM fill_numbers WHERE n < 100;

INSERT INTO journal_pending (project, written_at, entries)
SELECT 'another', '$end', '[["run-000000000000",1,1]]' FROM fill_numbers a JOIN fill_numbers b WHERE a.n < 20;

INSERT INTO journal_pending (project, written_at, entries)
SELECT '$project', '$end', '[["run-000000000000",1,1]]' FROM fill_numbers WHERE n < 200;

-- A text for ten entries; the digests can be told.
INSERT INTO remarks (project, token, salt, words, person, run, written_at)
SELECT '$project', CONCAT('remark:', SHA2(a.n * 1000 + b.n, 256)), REPEAT('s', 16), 'the disk is full',
  CONCAT('person:', SHA2((a.n * 1000 + b.n) MOD 10000, 256)), CONCAT('run-', LPAD(a.n, 12, '0')), '$begin'
FROM fill_numbers a JOIN fill_numbers b WHERE a.n * 1000 + b.n < $entries DIV 10 ORDER BY a.n, b.n;
INSERT INTO log_publications (project, place, address, size, published_at, attempt, failures, contradicts)
SELECT IF(a.n = 0, '$project', CONCAT('another-', a.n)), IF(b.n = 0, 'git', CONCAT('witness/example.org/', b.n)),
  'origin', $entries, '$end', 1, 0, 0
FROM fill_numbers a JOIN fill_numbers b WHERE b.n < 3;

INSERT INTO log_cosignatures (project, size, witness, signature, at)
SELECT '$project', (a.n * 1000 + b.n + 1) * ($entries DIV 10000), 'example.org/witness-0', REPEAT('x', 120), '$end'
FROM fill_numbers a JOIN fill_numbers b WHERE a.n < 10 ORDER BY a.n, b.n;
