-- The tables of a fresh embedded store. Made by `python -m iact.stores.snapshot`; do not edit.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE definitions (
	project VARCHAR(64) NOT NULL, 
	digest VARCHAR(71) NOT NULL, 
	kind VARCHAR(128) NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	body BLOB NOT NULL, 
	stored_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_definitions PRIMARY KEY (project, digest)
);
CREATE TABLE holds (
	project VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	run VARCHAR(40) NOT NULL, 
	held_since VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_holds PRIMARY KEY (project, name)
);
CREATE INDEX ix_holds_run ON holds (project, run);
CREATE TABLE intents (
	project VARCHAR(64) NOT NULL, 
	"key" VARCHAR(160) NOT NULL, 
	run VARCHAR(40) NOT NULL, 
	visit INTEGER NOT NULL, 
	action VARCHAR(128) NOT NULL, 
	arguments BLOB NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	decided_at VARCHAR(27) NOT NULL, 
	settled_at VARCHAR(27), due_at VARCHAR(27), 
	CONSTRAINT pk_intents PRIMARY KEY (project, "key")
);
CREATE INDEX ix_intents_run ON intents (project, run);
CREATE INDEX ix_intents_status ON intents (project, status, decided_at);
CREATE TABLE journal (
	number INTEGER NOT NULL, 
	project VARCHAR(64) NOT NULL, 
	run VARCHAR(40) NOT NULL, 
	sequence INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	body BLOB NOT NULL, 
	digest VARCHAR(71) NOT NULL, 
	CONSTRAINT pk_journal PRIMARY KEY (number), 
	CONSTRAINT uq_journal_sequence UNIQUE (project, run, sequence)
);
CREATE INDEX ix_journal_at ON journal (project, at);
CREATE TABLE runs (
	project VARCHAR(64) NOT NULL, 
	run VARCHAR(40) NOT NULL, 
	agent VARCHAR(128) NOT NULL, 
	definition VARCHAR(71) NOT NULL, 
	pins BLOB NOT NULL, 
	subject VARCHAR(255) NOT NULL, 
	active INTEGER, 
	state VARCHAR(128) NOT NULL, 
	visit INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	outcome VARCHAR(128) NOT NULL, 
	inputs BLOB NOT NULL, 
	remembered BLOB NOT NULL, 
	started_at VARCHAR(27) NOT NULL, 
	entered_at VARCHAR(27) NOT NULL, 
	ended_at VARCHAR(27), 
	CONSTRAINT pk_runs PRIMARY KEY (project, run), 
	CONSTRAINT uq_runs_one_active_run UNIQUE (project, agent, subject, active)
);
CREATE INDEX ix_runs_started_at ON runs (project, agent, started_at);
CREATE TABLE timers (
	project VARCHAR(64) NOT NULL, 
	run VARCHAR(40) NOT NULL, 
	visit INTEGER NOT NULL, 
	transition INTEGER NOT NULL, 
	due_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_timers PRIMARY KEY (project, run, visit, transition)
);
CREATE INDEX ix_timers_due_at ON timers (project, due_at);
CREATE TABLE triggers (
	number INTEGER NOT NULL, 
	project VARCHAR(64) NOT NULL, 
	run VARCHAR(40) NOT NULL, 
	"key" VARCHAR(160) NOT NULL, 
	body BLOB NOT NULL, 
	arrived_at VARCHAR(27) NOT NULL, 
	handled_at VARCHAR(27), 
	CONSTRAINT pk_triggers PRIMARY KEY (number), 
	CONSTRAINT uq_triggers_key UNIQUE (project, run, "key")
);
CREATE INDEX ix_triggers_waiting ON triggers (project, run, handled_at, number);
CREATE TABLE repositories (
	project VARCHAR(64) NOT NULL, 
	repository VARCHAR(128) NOT NULL, 
	mainline VARCHAR(255) NOT NULL, 
	cursor BLOB NOT NULL, 
	failure_sources VARCHAR(64) NOT NULL, 
	notes TEXT NOT NULL, 
	synced_at VARCHAR(27) NOT NULL, changes INTEGER DEFAULT '0' NOT NULL, deployments INTEGER DEFAULT '0' NOT NULL, reverts INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_repositories PRIMARY KEY (project, repository)
);
CREATE TABLE changes (
	project VARCHAR(64) NOT NULL, 
	repository VARCHAR(128) NOT NULL, 
	sha VARCHAR(64) NOT NULL, 
	authored_at VARCHAR(27) NOT NULL, 
	committed_at VARCHAR(27) NOT NULL, 
	merged_at VARCHAR(27), 
	merged_by VARCHAR(64), 
	is_merge BOOLEAN NOT NULL, 
	by_agent BOOLEAN NOT NULL, 
	subject VARCHAR(200) NOT NULL, 
	deployment VARCHAR(128), 
	CONSTRAINT pk_changes PRIMARY KEY (project, repository, sha)
);
CREATE INDEX ix_changes_deployment ON changes (project, repository, deployment);
CREATE TABLE reverts (
	project VARCHAR(64) NOT NULL, 
	repository VARCHAR(128) NOT NULL, 
	sha VARCHAR(64) NOT NULL, 
	reverted VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_reverts PRIMARY KEY (project, repository, sha, reverted)
);
CREATE TABLE deployments (
	project VARCHAR(64) NOT NULL, 
	repository VARCHAR(128) NOT NULL, 
	"key" VARCHAR(128) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	names TEXT NOT NULL, 
	sha VARCHAR(64) NOT NULL, 
	deployed_at VARCHAR(27) NOT NULL, 
	previous VARCHAR(128), 
	environment VARCHAR(64) NOT NULL, 
	changes INTEGER NOT NULL, 
	is_hotfix BOOLEAN NOT NULL, 
	source VARCHAR(32) NOT NULL, oldest_merged_at VARCHAR(27), 
	CONSTRAINT pk_deployments PRIMARY KEY (project, repository, "key")
);
CREATE INDEX ix_deployments_deployed_at ON deployments (project, repository, deployed_at);
CREATE TABLE failures (
	project VARCHAR(64) NOT NULL, 
	repository VARCHAR(128) NOT NULL, 
	"key" VARCHAR(160) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	deployment VARCHAR(128) NOT NULL, 
	started_at VARCHAR(27) NOT NULL, 
	restored_at VARCHAR(27), 
	restored_by VARCHAR(128), 
	evidence VARCHAR(500) NOT NULL, 
	source VARCHAR(32) NOT NULL, confidence VARCHAR(8) DEFAULT 'high' NOT NULL, 
	CONSTRAINT pk_failures PRIMARY KEY (project, repository, "key")
);
CREATE INDEX ix_failures_deployment ON failures (project, repository, deployment);
CREATE INDEX ix_failures_started_at ON failures (project, repository, started_at);
CREATE TABLE parameter_overrides (
	project VARCHAR(64) NOT NULL, 
	parameter VARCHAR(128) NOT NULL, 
	version INTEGER NOT NULL, 
	value BLOB, 
	previous BLOB, 
	run VARCHAR(40) NOT NULL, 
	"key" VARCHAR(160) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_parameter_overrides PRIMARY KEY (project, parameter, version), 
	CONSTRAINT uq_parameter_overrides_key UNIQUE (project, "key")
);
CREATE TABLE events (
	project VARCHAR(64) NOT NULL, 
	repository VARCHAR(128) NOT NULL, 
	digest VARCHAR(71) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	source VARCHAR(32) NOT NULL, 
	id VARCHAR(128) NOT NULL, 
	content BLOB NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (project, repository, digest)
);
CREATE INDEX ix_events_thing ON events (project, repository, kind, source, id);
CREATE TABLE unattributed_incidents (
	project VARCHAR(64) NOT NULL, 
	repository VARCHAR(128) NOT NULL, 
	"key" VARCHAR(160) NOT NULL, 
	opened_at VARCHAR(27) NOT NULL, 
	reason VARCHAR(500) NOT NULL, 
	source VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_unattributed_incidents PRIMARY KEY (project, repository, "key")
);
CREATE INDEX ix_unattributed_incidents_opened_at ON unattributed_incidents (project, repository, opened_at);
CREATE TABLE pulls (
	project VARCHAR(64) NOT NULL, 
	repository VARCHAR(128) NOT NULL, 
	source VARCHAR(32) NOT NULL, 
	remote VARCHAR(128) NOT NULL, 
	stream VARCHAR(32) NOT NULL, 
	content BLOB NOT NULL, 
	CONSTRAINT pk_pulls PRIMARY KEY (project, repository, source, remote, stream)
);
CREATE TABLE unread_events (
	project VARCHAR(64) NOT NULL, 
	repository VARCHAR(128) NOT NULL, 
	digest VARCHAR(71) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	source VARCHAR(32) NOT NULL, 
	id VARCHAR(128) NOT NULL, 
	CONSTRAINT pk_unread_events PRIMARY KEY (project, repository, digest)
);
CREATE TABLE told_deployments (
	project VARCHAR(64) NOT NULL, 
	repository VARCHAR(128) NOT NULL, 
	id VARCHAR(128) NOT NULL, 
	source VARCHAR(32) NOT NULL, 
	deployment VARCHAR(128) NOT NULL, 
	services TEXT NOT NULL, 
	CONSTRAINT pk_told_deployments PRIMARY KEY (project, repository, id, source)
);
CREATE INDEX ix_told_deployments_deployment ON told_deployments (project, repository, deployment);
CREATE INDEX ix_triggers_open ON triggers (project, handled_at, run);
CREATE INDEX ix_runs_active ON runs (project, active, agent, started_at);
CREATE TABLE dora_metrics (
	project VARCHAR(64) NOT NULL, 
	repository VARCHAR(128) NOT NULL, 
	cycle_id VARCHAR(128) NOT NULL, 
	sequence INTEGER NOT NULL, 
	feature_id VARCHAR(128) NOT NULL, 
	phase VARCHAR(128) NOT NULL, 
	decision VARCHAR(128) NOT NULL, 
	duration_seconds DOUBLE NOT NULL, 
	change_failure_rate DOUBLE, 
	mttr DOUBLE, 
	lead_time_seconds DOUBLE, 
	deployment_frequency_per_week DOUBLE, 
	request_id VARCHAR(128), 
	began_at VARCHAR(27) NOT NULL, 
	record BLOB NOT NULL, 
	CONSTRAINT pk_dora_metrics PRIMARY KEY (project, repository, cycle_id, sequence)
);
CREATE INDEX ix_dora_metrics_began_at ON dora_metrics (project, began_at);
CREATE INDEX ix_dora_metrics_request_id ON dora_metrics (project, request_id);
CREATE INDEX ix_deployments_oldest_merged_at ON deployments (project, repository, oldest_merged_at, deployed_at);
CREATE TABLE journal_anchors (
	project VARCHAR(64) NOT NULL, 
	run VARCHAR(40) NOT NULL, 
	sequence INTEGER NOT NULL, 
	digest VARCHAR(71) NOT NULL, 
	pruned_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_journal_anchors PRIMARY KEY (project, run)
);
CREATE TABLE prunings (
	project VARCHAR(64) NOT NULL, 
	records VARCHAR(32) NOT NULL, 
	began_at VARCHAR(27) NOT NULL, 
	cutoff VARCHAR(27) NOT NULL, 
	policies TEXT NOT NULL, 
	deleted INTEGER NOT NULL, 
	CONSTRAINT pk_prunings PRIMARY KEY (project, records, began_at)
);
CREATE INDEX ix_runs_ended_at ON runs (project, ended_at, run);
CREATE TABLE iact_units (
	unit VARCHAR(36) NOT NULL, 
	committed_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_iact_units PRIMARY KEY (unit)
);
CREATE INDEX ix_iact_units_committed_at ON iact_units (committed_at);
CREATE TABLE runners (
	project VARCHAR(64) NOT NULL, 
	runner VARCHAR(40) NOT NULL, 
	machine VARCHAR(255) NOT NULL, 
	process INTEGER NOT NULL, 
	born VARCHAR(32) NOT NULL, 
	version VARCHAR(32) NOT NULL, 
	standing VARCHAR(16) NOT NULL, 
	started_at VARCHAR(27) NOT NULL, 
	lease_until VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_runners PRIMARY KEY (project, runner)
);
CREATE TABLE claims (
	project VARCHAR(64) NOT NULL, 
	run VARCHAR(40) NOT NULL, 
	runner VARCHAR(40), 
	term INTEGER NOT NULL, 
	claimed_at VARCHAR(27), 
	failures INTEGER NOT NULL, 
	not_before VARCHAR(27), 
	parked_at VARCHAR(27), 
	trouble TEXT NOT NULL, 
	CONSTRAINT pk_claims PRIMARY KEY (project, run)
);
CREATE INDEX ix_claims_runner ON claims (project, runner);
CREATE INDEX ix_claims_parked_at ON claims (project, parked_at);
CREATE TABLE occurrences (
	project VARCHAR(64) NOT NULL, 
	job VARCHAR(128) NOT NULL, 
	scheduled_at VARCHAR(27) NOT NULL, 
	runner VARCHAR(40) NOT NULL, 
	taken_at VARCHAR(27) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	finished_at VARCHAR(27), 
	outcome TEXT NOT NULL, 
	CONSTRAINT pk_occurrences PRIMARY KEY (project, job, scheduled_at)
);
CREATE INDEX ix_occurrences_finished_at ON occurrences (project, finished_at);
CREATE TABLE activations (
	project VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	commit_id VARCHAR(64) NOT NULL, 
	digest VARCHAR(71) NOT NULL, 
	activated_by TEXT NOT NULL, 
	activated_at VARCHAR(27) NOT NULL, modes BLOB, 
	CONSTRAINT pk_activations PRIMARY KEY (project, number)
);
CREATE TABLE journal_pending (
	number INTEGER NOT NULL, 
	project VARCHAR(64) NOT NULL, 
	written_at VARCHAR(27) NOT NULL, 
	entries BLOB NOT NULL, 
	CONSTRAINT pk_journal_pending PRIMARY KEY (number)
);
CREATE INDEX ix_journal_pending_number ON journal_pending (project, number);
CREATE TABLE log_heads (
	project VARCHAR(64) NOT NULL, 
	size INTEGER NOT NULL, 
	root BLOB NOT NULL, 
	sequenced_at VARCHAR(27), 
	swept INTEGER NOT NULL, checked INTEGER, checked_at VARCHAR(27), damage BLOB, 
	CONSTRAINT pk_log_heads PRIMARY KEY (project)
);
CREATE TABLE log_leaves (
	project VARCHAR(64) NOT NULL, 
	place INTEGER NOT NULL, 
	run VARCHAR(40) NOT NULL, 
	sequence INTEGER NOT NULL, 
	CONSTRAINT pk_log_leaves PRIMARY KEY (project, place), 
	CONSTRAINT uq_log_leaves_sequence UNIQUE (project, run, sequence)
);
CREATE TABLE log_tiles (
	project VARCHAR(64) NOT NULL, 
	level INTEGER NOT NULL, 
	place INTEGER NOT NULL, 
	hashes BLOB NOT NULL, 
	CONSTRAINT pk_log_tiles PRIMARY KEY (project, level, place)
);
CREATE TABLE log_checkpoints (
	project VARCHAR(64) NOT NULL, 
	size INTEGER NOT NULL, 
	note BLOB NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_log_checkpoints PRIMARY KEY (project, size)
);
CREATE TABLE log_keys (
	project VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	"key" BLOB NOT NULL, 
	rotation BLOB, 
	since VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_log_keys PRIMARY KEY (project, number)
);
CREATE TABLE log_archives (
	project VARCHAR(64) NOT NULL, 
	begin_place INTEGER NOT NULL, 
	end_place INTEGER NOT NULL, 
	earliest_at VARCHAR(27) NOT NULL, 
	latest_at VARCHAR(27) NOT NULL, 
	file VARCHAR(128) NOT NULL, 
	digest VARCHAR(71) NOT NULL, 
	archived_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_log_archives PRIMARY KEY (project, begin_place)
);
CREATE INDEX ix_log_archives_end ON log_archives (project, end_place);
CREATE TABLE persons (
	project VARCHAR(64) NOT NULL, 
	pseudonym VARCHAR(80) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	salt BLOB NOT NULL, 
	since VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_persons PRIMARY KEY (project, pseudonym), 
	CONSTRAINT uq_persons_name UNIQUE (project, name)
);
CREATE TABLE remarks (
	project VARCHAR(64) NOT NULL, 
	token VARCHAR(80) NOT NULL, 
	salt BLOB NOT NULL, 
	words BLOB NOT NULL, 
	person VARCHAR(80) NOT NULL, 
	run VARCHAR(40) NOT NULL, 
	written_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_remarks PRIMARY KEY (project, token)
);
CREATE INDEX ix_remarks_person ON remarks (project, person);
CREATE TABLE log_publications (
	project VARCHAR(64) NOT NULL, 
	place VARCHAR(128) NOT NULL, 
	address BLOB NOT NULL, 
	size INTEGER NOT NULL, 
	note BLOB, 
	published_at VARCHAR(27), 
	attempt INTEGER NOT NULL, 
	not_before VARCHAR(27), 
	failures INTEGER NOT NULL, 
	trouble BLOB, 
	contradicts BOOLEAN NOT NULL, 
	CONSTRAINT pk_log_publications PRIMARY KEY (project, place)
);
CREATE TABLE log_cosignatures (
	project VARCHAR(64) NOT NULL, 
	size INTEGER NOT NULL, 
	witness VARCHAR(128) NOT NULL, 
	signature BLOB NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_log_cosignatures PRIMARY KEY (project, size, witness)
);
CREATE TABLE revocations (
	project VARCHAR(64) NOT NULL, 
	digest VARCHAR(71) NOT NULL, 
	kind VARCHAR(128) NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	reason TEXT NOT NULL, 
	revoked_by TEXT NOT NULL, 
	revoked_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_revocations PRIMARY KEY (project, digest)
);
INSERT INTO alembic_version (version_num) VALUES ('0020');
