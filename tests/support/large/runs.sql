-- Runs number $first up to $after, of $runs, one every $step seconds; the last $waiting of all go on.
CREATE OR REPLACE VIEW fill_runs AS
SELECT r,
       CONCAT('run-', LPAD(r, 12, '0')) AS run,
       TIMESTAMPADD(SECOND, r * $step, '$begin') AS at,
       r >= $runs - $waiting AS goes_on
FROM (SELECT a.n * 1000 + b.n AS r FROM fill_numbers a JOIN fill_numbers b
      WHERE a.n >= $first DIV 1000 AND a.n < $after DIV 1000 AND a.n * 1000 + b.n < $runs) numbered;

INSERT INTO runs (project, run, agent, definition, pins, subject, active, state, visit, version, outcome, inputs,
  remembered, started_at, entered_at, ended_at)
SELECT '$project', run,
  IF(MOD(r, 250) = 0, 'pdca', ELT(1 + MOD(r, 4), 'planning', 'testing', 'deployment', 'maintenance')),
  CONCAT('sha256:', SHA2('0', 256)), CONCAT('{"Agent/a":"sha256:', SHA2('0', 256), '"}'),
  CONCAT('subject-', MOD(r, 5000)), IF(goes_on, 1, NULL), IF(goes_on, 'checking', 'kept'), 4, 5, 'go', '[]', '[]', at,
  at, IF(goes_on, NULL, TIMESTAMPADD(HOUR, 1, at))
FROM fill_runs ORDER BY r;

INSERT INTO journal (project, run, sequence, kind, at, body, digest)
SELECT '$project', run, n, IF(n = 1, 'started', 'decision'), TIMESTAMPADD(SECOND, n, at),
  CONCAT('{"at":"', at, '","body":{"decision":{"to":"checking"},"facts":[{"name":"dora.lead_time","value":"3600"}]},',
    '"format":"iact/journal/v1","kind":"decision","previous":"sha256:', SHA2(CONCAT(r, '-', n - 1), 256),
    '","project":"$project","run":"', run, '","sequence":', n, '}'),
  CONCAT('sha256:', SHA2(CONCAT(r, '-', n), 256))
FROM fill_runs JOIN fill_numbers WHERE n >= 1 AND n <= $entries ORDER BY r, n;

INSERT INTO log_leaves (project, place, run, sequence)
SELECT '$project', r * $entries + n - 1, run, n
FROM fill_runs JOIN fill_numbers WHERE n >= 1 AND n <= $entries ORDER BY r, n;

INSERT INTO triggers (project, run, `key`, body, arrived_at, handled_at)
SELECT '$project', run, CONCAT('look/', n), '{"facts":[],"kind":"look","visit":0}', at,
  IF(goes_on AND n = 3 AND MOD(r, 2) = 0, NULL, at)
FROM fill_runs JOIN fill_numbers WHERE n >= 1 AND n <= 3 ORDER BY r, n;

INSERT INTO intents (project, `key`, run, visit, action, arguments, status, attempts, decided_at, settled_at)
SELECT '$project', CONCAT(run, '/', n), run, n, 'set_parameter', '{}', IF(goes_on AND n = 2, 'decided', 'done'), 1, at,
  IF(goes_on AND n = 2, NULL, at)
FROM fill_runs JOIN fill_numbers WHERE n >= 1 AND n <= 2 ORDER BY r, n;

INSERT INTO timers (project, run, visit, transition, due_at)
SELECT '$project', run, 4, n, TIMESTAMPADD(DAY, IF(MOD(r, 20) = 0, 0, 1000) + n, at) FROM fill_runs JOIN fill_numbers WHERE n < 2 AND goes_on;

INSERT INTO claims (project, run, runner, term, claimed_at, failures, not_before, parked_at, trouble)
SELECT '$project', run, IF(goes_on AND MOD(r, 3) = 0, CONCAT('runner-', MOD(r, 20)), NULL), 5, at, 0, NULL, NULL, ''
FROM fill_runs ORDER BY r;

INSERT INTO holds (project, name, run, held_since)
SELECT '$project', CONCAT('plan.measured=', r), run, at FROM fill_runs WHERE goes_on;

INSERT INTO journal_anchors (project, run, sequence, digest, pruned_at)
SELECT '$project', CONCAT('run-', LPAD(r, 12, '0')), 0, '', at FROM fill_runs WHERE MOD(r, 2) = 0;

DROP VIEW fill_runs;
