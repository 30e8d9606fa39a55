-- The delivery of one repository: `j` counts its deployments, as many as $count, one every $step seconds.
CREATE OR REPLACE VIEW fill_deployments AS
SELECT j,
       LEFT(SHA2(CONCAT('$repository-', j), 256), 40) AS sha,
       LEFT(SHA2(CONCAT('$repository-', j - 1), 256), 40) AS previous,
       LEFT(SHA2(CONCAT('$repository-', j, '-1'), 256), 40) AS second,
       TIMESTAMPADD(SECOND, j * $step, '$begin') AS at
FROM (SELECT a.n * 1000 + b.n AS j FROM fill_numbers a JOIN fill_numbers b
      WHERE a.n <= $count DIV 1000 AND a.n * 1000 + b.n < $count) numbered;

INSERT INTO repositories
  (project, repository, mainline, `cursor`, failure_sources, notes, synced_at, changes, deployments, reverts)
VALUES ('$project', '$repository', 'main', '{}', 'incident,revert', '', '$end', 2 * $count, $count, $count DIV 100);

INSERT INTO deployments (project, repository, `key`, name, names, sha, deployed_at, previous, environment, changes,
  is_hotfix, source, oldest_merged_at)
SELECT '$project', '$repository', sha, CONCAT('v1.', j), CONCAT('v1.', j), sha, at, previous, 'production', 2,
  MOD(j, 50) = 0, 'github', TIMESTAMPADD(HOUR, -30, at)
FROM fill_deployments;

INSERT INTO changes (project, repository, sha, authored_at, committed_at, merged_at, merged_by, is_merge, by_agent,
  subject, deployment)
SELECT '$project', '$repository', sha, TIMESTAMPADD(HOUR, -40, at), TIMESTAMPADD(HOUR, -40, at),
  TIMESTAMPADD(HOUR, -30, at), sha, 0, 0, CONCAT('Change what ', j, ' does'), sha
FROM fill_deployments;

INSERT INTO changes (project, repository, sha, authored_at, committed_at, merged_at, merged_by, is_merge, by_agent,
  subject, deployment)
SELECT '$project', '$repository', second, TIMESTAMPADD(HOUR, -40, at), TIMESTAMPADD(HOUR, -40, at),
  TIMESTAMPADD(HOUR, -30, at), sha, 0, 0, CONCAT('Change it again for ', j), sha
FROM fill_deployments;

INSERT INTO changes (project, repository, sha, authored_at, committed_at, merged_at, merged_by, is_merge, by_agent,
  subject, deployment)
SELECT '$project', '$repository', LEFT(SHA2(CONCAT('$repository-waiting-', n), 256), 40), '$end', '$end', '$end', NULL,
  0, 0, 'Wait', NULL
FROM fill_numbers WHERE n < $waiting;

INSERT INTO failures (project, repository, `key`, kind, deployment, started_at, restored_at, restored_by, evidence,
  source, confidence)
SELECT '$project', '$repository', CONCAT('incident/', j), 'incident', sha, TIMESTAMPADD(HOUR, 1, at),
  TIMESTAMPADD(HOUR, 3, at), NULL, 'It was said to be', 'github', 'high'
FROM fill_deployments WHERE MOD(j, 10) = 0;

INSERT INTO reverts (project, repository, sha, reverted)
SELECT '$project', '$repository', second, previous FROM fill_deployments WHERE j > 0 AND MOD(j, 100) = 0;

INSERT INTO unattributed_incidents (project, repository, `key`, opened_at, reason, source)
SELECT '$project', '$repository', CONCAT('unknown/', j), at, 'no deployment came before it', 'github'
FROM fill_deployments WHERE MOD(j, 200) = 0;

INSERT INTO events (project, repository, digest, kind, source, id, content)
SELECT '$project', '$repository', CONCAT('sha256:', SHA2(CONCAT('$repository-deployment-', j), 256)), 'deployment',
  'github', j, JSON_OBJECT('environment', 'production', 'id', j, 'sha', sha, 'at', at, 'name', CONCAT('v1.', j))
FROM fill_deployments;

INSERT INTO events (project, repository, digest, kind, source, id, content)
SELECT '$project', '$repository', CONCAT('sha256:', SHA2(CONCAT('$repository-incident-', j, '-', n), 256)), 'incident',
  'github', j, JSON_OBJECT('id', j, 'sha', sha, 'at', at, 'state', n)
FROM fill_deployments JOIN fill_numbers WHERE n < 2 AND MOD(j, 10) = 0;

INSERT INTO told_deployments (project, repository, id, source, deployment, services)
SELECT '$project', '$repository', j, 'github', sha, '' FROM fill_deployments;

INSERT INTO unread_events (project, repository, digest, kind, source, id)
SELECT project, repository, digest, kind, source, id
FROM events WHERE project = '$project' AND repository = '$repository' AND kind = 'deployment' AND id IN ('1', '2', '3');

INSERT INTO pulls (project, repository, source, remote, stream, content)
VALUES ('$project', '$repository', 'github', 'api.github.com/77', 'deployments', '{}');

INSERT INTO dora_metrics (project, repository, cycle_id, sequence, feature_id, phase, decision, duration_seconds,
  change_failure_rate, mttr, request_id, began_at, record)
SELECT '$project', '$repository', DATE_FORMAT(at, 'cycle-%Y%m%d-%H%i%s'), n, CONCAT('FEAT-', j),
  ELT(n, 'planning', 'testing', 'deployment', 'cycle'), 'go', 300 * n, NULL, NULL,
  CONCAT('req-$repository-', j), at,
  JSON_OBJECT('cycle_id', DATE_FORMAT(at, 'cycle-%Y%m%d-%H%i%s'), 'phase', ELT(n, 'planning', 'testing', 'deployment',
    'cycle'), 'decision', 'go', 'duration_seconds', 300 * n)
FROM fill_deployments JOIN fill_numbers WHERE n >= 1 AND n <= 4 AND MOD(j, 100) = 0;

DROP VIEW fill_deployments;
