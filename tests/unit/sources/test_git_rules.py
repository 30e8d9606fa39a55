"""How tags, reverts and agents are recognised."""

from __future__ import annotations

from datetime import timedelta

import pytest

from iact.sources.git.rules import AgentPatterns, GitRules, reverted_commits
from iact.sources.git.versions import Version

SHA = "fc10dcfe3269731d0e640f6b4ba0f8df570ce1ae"
SOMEONE = b"dev <dev@example.invalid>"


def names(rules: GitRules, tag: str) -> bool:
    return rules.names_deployment(tag, Version.parse(tag))


def test_without_globs_every_final_version_is_a_deployment():
    rules = GitRules()

    assert [tag for tag in ("1.0", "v2.1.3", "0.12.x", "latest", "2.0rc1") if names(rules, tag)] == [
        "1.0",
        "v2.1.3",
    ]


def test_globs_name_deployments_that_are_no_versions():
    rules = GitRules(tags=("prod-*", "v[0-9]*"))

    assert [tag for tag in ("prod-7", "v3", "1.0", "staging-7") if names(rules, tag)] == ["prod-7", "v3"]


@pytest.mark.parametrize("tags", [(), ("v*",)])
def test_pre_releases_count_only_when_asked_for(tags):
    assert not names(GitRules(tags=tags), "v1.0rc1")
    assert names(GitRules(tags=tags, pre_releases=True), "v1.0rc1")


def test_two_ways_to_recognise_deployments_contradict_each_other():
    with pytest.raises(ValueError, match="leave one of them out"):
        GitRules(tags=("v*",), merges_to="main")


def test_merges_have_no_version_of_which_the_patch_could_grow():
    with pytest.raises(ValueError, match="version numbers"):
        GitRules(merges_to="main", hotfix_within=timedelta(days=7))


def test_no_failure_rule_means_no_failure_source():
    assert GitRules().failure_sources == ()
    assert GitRules(failed_by_revert=True, hotfix_within=timedelta(1)).failure_sources == ("revert", "hotfix")


def test_rules_about_failures_do_not_change_what_is_read():
    assert GitRules(failed_by_revert=True).digest == GitRules().digest
    assert GitRules(pre_releases=True).digest != GitRules().digest


@pytest.mark.parametrize(
    ("message", "reverted"),
    [
        (f"Revert change\n\nThis reverts commit {SHA}.", (SHA,)),
        (f"Revert change\n\nThis reverts commit {SHA[:8]}.", (SHA[:8],)),
        (f"Revert\n\nThis reverts commit {SHA}, reversing\nchanges made to {SHA[::-1]}.", (SHA,)),
        (f"Two\n\nThis reverts commit {SHA}.\nThis reverts commit {SHA[:9]}.", (SHA, SHA[:9])),
        (f"Not so: this reverts commit {SHA}", ()),
        ("This reverts commit soon.", ()),
        ("This reverts commit 12.", ()),
    ],
)
def test_a_revert_says_what_it_reverts_in_the_words_of_git(message, reverted):
    assert reverted_commits(message.encode()) == reverted


def test_the_words_are_found_among_bytes_of_any_encoding():
    assert reverted_commits(b"\xff\xfe\n\nThis reverts commit " + SHA.encode() + b".\n\x80") == (SHA,)


@pytest.mark.parametrize(
    ("pattern", "person", "message", "made"),
    [
        ("*[bot]*", b"helper[bot] <h@example.invalid>", b"change", True),
        ("*[bot]*", b"bob <bob@example.invalid>", b"change", False),
        ("*HELPER*", b"A helper <h@example.invalid>", b"change", True),
        ("helper*", b"A helper <h@example.invalid>", b"change", False),
        ("Co-authored-by: *[bot]*", SOMEONE, b"x\n\nco-authored-by: helper[bot] <h@example.invalid>", True),
        ("Co-authored-by: *[bot]*", SOMEONE, b"x\n\nCo-authored-by: bob <b@example.invalid>", False),
        ("Co-authored-by: *[bot]*", SOMEONE, b"x Co-authored-by: a[bot]", False),
        ("Assisted-by: *", SOMEONE, b"x\n\nAssisted-by: \xff\xfe", True),
    ],
)
def test_an_agent_is_known_by_its_name_or_by_a_line_of_the_message(pattern, person, message, made):
    assert AgentPatterns((pattern,)).made((person, SOMEONE), message) is made


def test_without_patterns_nobody_is_an_agent():
    assert not AgentPatterns(()).made((b"helper[bot] <h@example.invalid>", SOMEONE), b"x")
