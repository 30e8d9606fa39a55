-- What there is only a little of: definitions, and versions of parameters.
INSERT INTO definitions (project, digest, kind, name, body, stored_at)
SELECT '$project', CONCAT('sha256:', SHA2(n, 256)), 'Agent', CONCAT('a', n), '{}', '$begin' FROM fill_numbers;

INSERT INTO parameter_overrides (project, parameter, version, value, previous, run, `key`, at)
SELECT '$project', CONCAT('parameter-', a.n), b.n, '1', '2', CONCAT('run-', LPAD(b.n, 12, '0')), CONCAT(a.n, '/', b.n),
  '$begin'
FROM fill_numbers a JOIN fill_numbers b WHERE a.n < 20 AND b.n >= 1 AND b.n <= 50;

INSERT INTO prunings (project, records, began_at, cutoff, policies, deleted)
SELECT '$project', ELT(1 + MOD(n, 3), 'dora_metrics', 'journal', 'runs'), TIMESTAMPADD(DAY, n, '$begin'), '$begin', '', n
FROM fill_numbers;

INSERT INTO revocations (project, digest, kind, name, reason, revoked_by, revoked_at)
SELECT '$project', CONCAT('sha256:', SHA2(n, 256)), 'Agent', CONCAT('a', n), 'because', 'lead', '$begin'
FROM fill_numbers WHERE n < 20;

INSERT INTO runners (project, runner, machine, process, born, version, standing, started_at, lease_until)
SELECT IF(n < 20, '$project', CONCAT('project-', n DIV 20)), CONCAT('runner-', n), 'machine', n, '1', '1', 'working',
  '$begin', '$begin'
FROM fill_numbers;

-- Every minute for 69 days, of ten jobs in turn.
INSERT INTO occurrences (project, job, scheduled_at, runner, taken_at, status, finished_at, outcome)
SELECT '$project', CONCAT('job-', b.n MOD 10), TIMESTAMPADD(MINUTE, -(a.n * 100 + b.n), '$end'), 'runner-3',
  TIMESTAMPADD(MINUTE, -(a.n * 100 + b.n), '$end'), IF(b.n = 7, 'failed', 'done'),
  TIMESTAMPADD(MINUTE, -(a.n * 100 + b.n), '$end'), 'all well'
FROM fill_numbers a JOIN fill_numbers b WHERE b.n < 100;

INSERT INTO persons (project, pseudonym, name, salt, since)
SELECT '$project', CONCAT('person:', SHA2(a.n * 1000 + b.n, 256)), CONCAT('person ', a.n * 1000 + b.n),
  REPEAT('s', 16), '$begin'
FROM fill_numbers a JOIN fill_numbers b WHERE a.n < 10;
