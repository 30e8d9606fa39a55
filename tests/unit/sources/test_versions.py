"""Which tag names are versions, which of them are final, and how they sort."""

from __future__ import annotations

import pytest

from iact.sources.git.versions import Version


def version(tag: str) -> Version:
    found = Version.parse(tag)
    assert found is not None, f"{tag} should be a version"
    return found


@pytest.mark.parametrize("tag", ["0.12.x", "1.0.x", "v2", "latest", "release", "2026-03-02", "", "v1.2.3foo", "v1..2"])
def test_a_name_that_says_no_version_is_none(tag):
    assert Version.parse(tag) is None


@pytest.mark.parametrize(
    "tag", ["1.2", "v1.2.3", "V1.2", "app-1.2.3", "pkg/v1.2.3", "@scope/pkg@1.2.3", "1.0+build.5", "1.2.post1", "1.0-2"]
)
def test_final_versions_are_written_in_many_ways(tag):
    assert not version(tag).is_pre_release


@pytest.mark.parametrize(
    "tag",
    ["2.0.0rc1", "v2.34.0.dev1", "1.0a1", "1.0b2", "1.0-beta.3", "v1.0.0-alpha", "1.0.0-canary.7", "1.0-SNAPSHOT"],
)
def test_what_calls_itself_unfinished_is_a_pre_release(tag):
    assert version(tag).is_pre_release


def test_versions_sort_as_their_makers_meant():
    tags = ["1.0.dev1", "1.0a1", "1.0b1", "1.0rc1", "1.0rc2", "1.0rc10", "1.0", "1.0.1", "1.2", "1.10", "2.0"]

    assert sorted(set(tags), key=version) == tags


def test_zeros_at_the_end_make_no_other_version():
    assert version("v2.0") == version("2.0.0")


@pytest.mark.parametrize(
    ("newer", "older", "grew"),
    [
        ("1.2.4", "1.2.3", True),
        ("1.2.1", "1.2", True),
        ("1.2.0", "1.2.0", False),
        ("1.3.0", "1.2.9", False),
        ("2.2.3", "1.2.2", False),
        ("1.2.3", "1.2.4", False),
        ("1.2.4", "1.2.3rc1", False),
        ("app-1.2.4", "lib-1.2.3", False),
    ],
)
def test_only_the_patch_grew_when_major_and_minor_are_equal(newer, older, grew):
    assert version(newer).only_patch_grew_from(version(older)) is grew


def test_a_number_of_any_length_is_read_without_complaint():
    assert Version.parse(f"1.{'9' * 5000}") is None
