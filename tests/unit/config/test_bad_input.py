"""Bad input of every sort: the error names the place exactly, says what is wrong and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.configuration import load_project, marked, problems_of, resource, write_project

HEAD = "apiVersion: iact/v1\nkind: Team\nmetadata: {name: example}\nspec:\n"
PERSON = "apiVersion: iact/v1\nkind: Person\nmetadata: {name: somebody}\nspec: {}\n"


def agent(lines: str) -> str:
    return resource("Agent", lines)


STATES = """\
  start: waiting
  inputs: {window: {type: duration, default: 48h}}
  states:
    waiting:
      waits: for ever
      next:
        - {event: asked, to: stopped}
    stopped: {final: true}
"""

# Each: what it shows, the text with the place marked, the rule, and words that the message and its hint must have.
CASES = [
    # YAML itself
    ("a tab", "spec:\n«\t»members: []\n", "yaml-syntax", ["a tab cannot indent", "Use spaces"]),
    ("a bracket", HEAD + "  members: «[»a, b\n  slack: c\n", "yaml-syntax", ["`[` is never closed", "Add `]`"]),
    (
        "a bracket cut off",
        "apiVersion: iact/v1\nkind: Team\nmetadata: {name: a}\nspec: {members: [b], slack: «#c}»\n",
        "yaml-syntax",
        ["` #` begins a comment", '"#c"'],
    ),
    (
        "a list cut off",
        HEAD + "  members: [«#a,» b]\n  slack: c\n",
        "yaml-syntax",
        ["` #` begins a comment", '"#a"'],
    ),
    (
        "a list cut off at the end of the file",
        "apiVersion: iact/v1\nkind: Team\nmetadata: {name: a}\nspec: {members: [«#a]}»",
        "yaml-syntax",
        ['"#a"'],
    ),
    (
        "a text cut off in brackets",
        "apiVersion: iact/v1\nkind: Team\nmetadata: {name: a}\nspec: {members: [b], slack: don't «#c}»\n",
        "yaml-syntax",
        ["` #` begins a comment", '"#c"'],
    ),
    (
        "a bracket at the end of the file",
        HEAD + "  members: «[»\n    a, # one\n",
        "yaml-syntax",
        ["`[` is never closed", "Add `]`"],
    ),
    (
        "a bracket inside brackets",
        HEAD + "  members: {a: «[»b\n  slack: c\n",
        "yaml-syntax",
        ["`[` is never closed", "Add `]`"],
    ),
    (
        "a comma",
        "apiVersion: iact/v1\nkind: Team\nmetadata: {name: a}\nspec: {members: [b] «s»lack: c}\n",
        "yaml-syntax",
        ["a comma is missing", "or `}` before it"],
    ),
    (
        "a second colon in brackets",
        "apiVersion: iact/v1\nkind: Team\nmetadata: {name: a}\nspec: {members: [b], slack: say«:» hello}\n",
        "yaml-syntax",
        ["a second `: `", '"say: hello"'],
    ),
    ("a quote", HEAD + '  slack: «"»never closed\n', "yaml-syntax", ["never closed", 'End it with "']),
    ("a second colon", HEAD + "  slack: say«:» hello\n", "yaml-syntax", ["a second `: `", '"say: hello"']),
    ("an at sign", HEAD + "  slack: «@»platform\n", "yaml-syntax", ["cannot begin with `@`", '"@platform"']),
    ("a backtick", HEAD + "  slack: «`»platform`\n", "yaml-syntax", ["cannot begin with ```", "quotes"]),
    ("a per cent sign", HEAD + "  slack: «%»platform\n", "yaml-syntax", ["cannot begin with `%`", '"%platform"']),
    ("a greater-than sign", HEAD + "  slack: «>» 5\n", "yaml-syntax", ["begins a block of text", "above:"]),
    ("a star", HEAD + "  slack: «*all»\n", "alias", ["repeats a value marked `&all`", '"*all"']),
    ("a tag", HEAD + "  slack: «!!python/name:os.system x»\n", "yaml-tag", ["has no meaning here"]),
    ("a merge key", HEAD + "  «<<»: {a: 1}\n", "yaml-key", ["not part of YAML 1.2", "Write the keys out"]),
    ("a template", HEAD + "  slack: {«{» name }}\n", "yaml-key", ["one plain text", "in quotes"]),
    ("a cut text", HEAD + "  slack: team «#platform»\n", "cut-by-comment", ["only `team` is left", '"team #platform"']),
    (
        "a duplicate key",
        HEAD + "  slack: a\n  «slack»: b\n",
        "duplicate-key",
        ["`slack` stands here a second time", "the first is at 5:3"],
    ),
    ("a deep nest", f"a: {'[' * 50}«[»{']' * 51}\n", "too-deep", ["more than 50 deep"]),
    # the envelope
    (
        "a number without its unit",
        resource("ImprovementPolicy", "  window: «48»\n"),
        "wrong-unit",
        ["a number without its unit", "Write 48m, 48h, 48d or 48 weeks."],
    ),
    (
        "another unit",
        resource("ImprovementPolicy", "  window: «15%»\n"),
        "wrong-unit",
        ["which is a share", "Its unit may be m, h, d or weeks."],
    ),
    (
        "an impossible number",
        resource("ImprovementPolicy", "  window: 48h\n  confidence: «195%»\n"),
        "wrong-value",
        ["less than 100%"],
    ),
    ("no address", PERSON.replace("{}", "{email: «nobody»}"), "wrong-type", ["an e-mail address such as"]),
    ("no resource", "«- a»\n- b\n", "envelope", ["expected a resource, found a list"]),
    (
        "another version",
        "apiVersion: «iact/v2»\nkind: Person\nmetadata: {name: a}\nspec: {}\n",
        "envelope",
        ["found `iact/v2`", "Write iact/v1."],
    ),
    (
        "an unknown kind",
        "apiVersion: iact/v1\nkind: «Persn»\nmetadata: {name: a}\nspec: {}\n",
        "unknown-kind",
        ["Person?"],
    ),
    ("no kind", "«apiVersion»: iact/v1\nmetadata: {name: a}\nspec: {}\n", "envelope", ["`kind` is missing", "Person"]),
    ("no name", "apiVersion: iact/v1\nkind: Person\nmetadata: «{»}\nspec: {}\n", "envelope", ["needs a `name`"]),
    (
        "a name with blanks",
        "apiVersion: iact/v1\nkind: Person\nmetadata: {name: «Jo Doe»}\nspec: {}\n",
        "wrong-type",
        ["`name`: expected a name of lower-case words", "found `Jo Doe`", "Write jo-doe."],
    ),
    ("a stray key", PERSON + "«email»: a\n", "unknown-key", ["unknown key `email`", "below `spec`"]),
    ("an unknown owner", PERSON.replace("somebody", "a, owner: «b»"), "unknown-reference", ["no Person or Team"]),
    # keys, types and units
    (
        "a misspelt key",
        PERSON.replace("{}", "{«emial»: a@example.org}"),
        "unknown-key",
        ["unknown key `emial`", "Did you mean email?"],
    ),
    ("a missing key of the spec", HEAD + "  «slack»: a\n", "missing-key", ["`members` is missing", "a list"]),
    ("a text for a list", HEAD + "  members: «somebody»\n", "wrong-type", ["`members`: expected a list", "[somebody]"]),
    ("an empty list", HEAD + "  members: «[»]\n", "wrong-type", ["at least 1"]),
    (
        "a value cut off",
        HEAD + "  members: [somebody]\n  slack:«» #platform\n---\n" + PERSON,
        "wrong-type",
        ["found nothing", '"#platform"'],
    ),
    (
        "a text for a boolean",
        agent(STATES.replace("true", "«yes»")),
        "wrong-type",
        ["true or false", "Did you mean true?"],
    ),
    (
        "a number without unit",
        agent(STATES.replace("event: asked", "after: «30»")),
        "wrong-unit",
        ["`after`: expected a duration", "found `30`, which is a number without its unit"],
    ),
    (
        "a wrong unit",
        agent(STATES.replace("event: asked", "after: «30%»")),
        "wrong-unit",
        ["expected a duration such as 30m", "found `30%`, which is a share"],
    ),
    (
        "an unknown word",
        agent(STATES.replace("type: duration", "type: «durations»")),
        "unknown-value",
        ["expected one of duration, share", "Did you mean duration?"],
    ),
    (
        "a wrong default",
        agent(STATES.replace("{type: duration, default: 48h}", "«{»type: share, default: 48h}")),
        "wrong-unit",
        ["`default`: expected a share"],
    ),
    # references and meaning
    (
        "an unknown reference",
        HEAD + "  members: [«sombody»]\n---\n" + PERSON,
        "unknown-reference",
        ["`sombody`: there is no Person of that name", "Did you mean somebody (rule.yaml:9)?"],
    ),
    (
        "an unknown state",
        agent(STATES.replace("to: stopped", "to: «stoped»")),
        "unknown-state",
        ["Did you mean stopped?"],
    ),
    ("an unknown start", agent(STATES.replace("start: waiting", "start: «waitin»")), "unknown-state", ["waiting?"]),
    (
        "a state that cannot be reached",
        agent(STATES + "    «lost»:\n      next: [{event: found, to: stopped}]\n"),
        "unreachable-state",
        ["no way leads from `waiting` to the state `lost`"],
    ),
    (
        "a state that cannot be left",
        agent(
            STATES.replace(
                "{event: asked, to: stopped}", "{event: asked, to: stopped}\n        - {event: b, to: stuck}"
            )
            + "    «stuck»: {}\n"
        ),
        "dead-end",
        ["`stuck` can never be left", "final: true"],
    ),
    (
        "a circle without an end",
        agent(
            STATES.replace(
                "{event: asked, to: stopped}", "{event: asked, to: stopped}\n        - {event: b, to: round}"
            )
            + "    «round»:\n      next: [{event: a, to: round}]\n"
        ),
        "dead-end",
        ["no way leads from the state `round` to the end"],
    ),
    (
        "states that lead to each other at once",
        agent(
            STATES.replace(
                "{event: asked, to: stopped}", "{event: asked, to: stopped}\n        - {event: b, to: round}"
            )
            + "    «round»:\n      next: [{to: back}]\n"
            + "    back:\n      next: [{to: round}, {event: a, to: stopped}]\n"
        ),
        "endless",
        ["at once, for ever: round → back → round", "wait for an `event`"],
    ),
    (
        "a final state that goes on",
        agent(STATES.replace("{final: true}", "{final: true, next: «[»{event: a, to: waiting}]}")),
        "wrong-state",
        ["a final state ends the run"],
    ),
    (
        "an event and a time",
        agent(STATES.replace("event: asked,", "event: asked, after: «5m»,")),
        "wrong-transition",
        ["`event` and `after`", "one transition for each"],
    ),
    (
        "an unknown action",
        agent(STATES.replace("    waiting:\n", "    waiting:\n      do: «conjure»\n")),
        "unknown-action",
        ["`conjure`: there is no action"],
    ),
    # conditions
    (
        "an unknown fact",
        agent(STATES.replace("event: asked", "event: asked, when: {fact: «input.windw», above: 1h}")),
        "unknown-fact",
        ["`input.windw`: nothing supplies a fact", "Did you mean input.window?"],
    ),
    (
        "an unknown metric",
        agent(STATES.replace("event: asked", "event: asked, when: {metric: «lead_tim», above: 1h}")),
        "unknown-metric",
        ["`lead_tim`: there is no Metric"],
    ),
    (
        "a limit of another unit",
        agent(STATES.replace("event: asked", "event: asked, when: {fact: input.window, above: «90%»}")),
        "wrong-unit",
        ["`input.window` is a duration; `90%` is a share"],
    ),
    (
        "a greater-than sign before a number",
        agent(
            "  start: a\n  inputs: {b: {type: number}}\n  states:\n    a:\n      next:\n        - when:\n"
            "            fact: input.b\n            above: «>5»\n          to: c\n    c: {final: true}\n"
        ),
        "wrong-type",
        ["found an empty text", "`>` begins a block of text", '">5"'],
    ),
    (
        "an ampersand",
        PERSON.replace("{}", "{email: «&all»}"),
        "wrong-type",
        ["found nothing", "`&` names a value"],
    ),
    (
        "an unknown comparison",
        agent(STATES.replace("event: asked", "event: asked, when: {fact: input.window, «over»: 90%}")),
        "unknown-key",
        ["unknown key `over`", "Did you mean above?"],
    ),
    (
        "two comparisons",
        agent(STATES.replace("event: asked", "event: asked, when: «{»fact: input.window, above: 1h, below: 2h}")),
        "wrong-condition",
        ["`above` and `below`", "below one `all`"],
    ),
    (
        "an expression that does not compile",
        agent(STATES.replace("event: asked", "event: asked, when: {cel: «input.window >»}")),
        "cel",
        ["does not compile"],
    ),
    (
        "an expression that loops",
        agent(STATES.replace("event: asked", 'event: asked, when: {cel: «"[1].all(x, input.window > x)"»}')),
        "cel",
        ["`all` loops"],
    ),
    # secrets
    (
        "a password",
        PERSON.replace("{}", "{email: a@example.org, «slack»: x}").replace("slack", "slack_token"),
        "unknown-key",
        ["unknown key `slack_token`"],
    ),
]


@pytest.mark.parametrize(("text", "rule", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_error_points_at_the_place_and_says_what_to_do(tmp_path: Path, text: str, rule: str, words: list[str]):
    written, [place] = marked(text)

    found = [problem for problem in problems_of(tmp_path, written) if problem.rule == rule]

    assert [str(problem.position) for problem in found] == [str(place)]
    assert all(word in f"{found[0].message} {found[0].hint}" for word in words), found[0]


@pytest.mark.parametrize("text", [case[1] for case in CASES])
def test_one_slip_is_one_problem(tmp_path: Path, text: str):
    """Nothing is told twice, and no problem follows from another."""
    written, _ = marked(text)

    problems = problems_of(tmp_path, written)

    # A secret under a wrong key is two slips.
    assert len(problems) == 1 + any(problem.rule == "secret" for problem in problems)


def test_everything_wrong_is_told_at_once_and_in_the_order_of_the_lines(tmp_path: Path):
    text, places = marked(
        "apiVersion: iact/v1\nkind: Team\nmetadata: {name: a}\nspec: {members: [«b»], «slak»: c}\n---\n"
        "apiVersion: «v1»\nkind: Person\nmetadata: {name: d}\nspec: {}\n",
    )

    assert [str(problem.position) for problem in problems_of(tmp_path, text)] == [str(place) for place in places]


def test_a_reference_into_a_file_that_cannot_be_read_is_not_a_second_problem(tmp_path: Path):
    files = {"team.yaml": HEAD + "  members: [somebody]\n", "person.yaml": PERSON + "\tx\n"}

    assert [problem.rule for problem in load_project(tmp_path, files).problems] == ["yaml-syntax"]


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (b"kind: a\nname: \xe4\n", "rule.yaml:2:7", ["0xE4 is not UTF-8", "byte 14", "Save the file as UTF-8"]),
        ("kind: a\n".encode("utf-16"), "rule.yaml:1:1", ["UTF-16"]),
        (b"kind: a\x00b\n", "rule.yaml:1:8", ["U+0000"]),
        ("kind: a\u2028b\n".encode(), "rule.yaml:1:8", ["U+2028", "\\u2028"]),
    ],
)
def test_bytes_that_are_no_text_are_refused_where_they_stand(
    tmp_path: Path, content: bytes, place: str, words: list[str]
):
    [problem] = load_project(tmp_path, {"rule.yaml": content}).problems

    assert (problem.rule, str(problem.position)) == ("encoding", place)
    assert all(word in f"{problem.message} {problem.hint}" for word in words)


def test_a_byte_order_mark_is_no_error_and_moves_no_column(tmp_path: Path):
    [problem] = load_project(tmp_path, {"rule.yaml": b"\xef\xbb\xbfkind: a\n"}).problems[:1]

    assert str(problem.position) == "rule.yaml:1:1"
    assert load_project(tmp_path, {"rule.yaml": b"\xef\xbb\xbf" + PERSON.encode()}).problems == ()


def test_a_file_of_more_than_a_megabyte_is_not_read(tmp_path: Path):
    [problem] = load_project(tmp_path, {"rule.yaml": "# " + "x" * 1_000_000 + "\n"}).problems

    assert problem.rule == "file-too-large"
    assert "1,000,003 bytes" in problem.message


def test_an_alias_bomb_is_refused(tmp_path: Path):
    """Nine times nine times nine …: a few lines that stand for a billion values."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]" for last, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]

    [problem] = problems_of(tmp_path, "\n".join(lines) + "\n")

    assert problem.rule == "alias"
    assert "more than 10,000 values" in problem.message


def test_a_few_aliases_are_fine(tmp_path: Path):
    text = HEAD + "  members: &all [somebody]\n  slack: &name a@example.org\n  email: *name\n---\n" + PERSON

    assert problems_of(tmp_path, text) == ()


def test_an_empty_document_is_ignored(tmp_path: Path):
    assert problems_of(tmp_path, "---\n# nothing\n---\n" + PERSON + "---\n") == ()


def test_a_symbolic_link_out_of_the_project_is_not_read(tmp_path: Path):
    (tmp_path / "outside.yaml").write_text(PERSON)
    project = write_project(tmp_path / "project", {})
    (project / "rule.yaml").symlink_to(tmp_path / "outside.yaml")

    [problem] = load_project(project, {}).problems

    assert (problem.rule, problem.position.file) == ("outside-project", "rule.yaml")


def test_a_path_that_leads_out_of_the_project_is_refused(tmp_path: Path):
    text, [place] = marked(
        "apiVersion: iact/v1\nkind: Project\nmetadata: {name: shop}\nspec: {paths: [., «../elsewhere»]}\n",
        "iact.yaml",
    )

    [problem] = load_project(tmp_path, {}, settings=text).problems

    assert (problem.rule, str(problem.position)) == ("outside-project", str(place))


def test_a_path_that_is_not_there_is_told_where_it_is_named(tmp_path: Path):
    text, [place] = marked(
        "apiVersion: iact/v1\nkind: Project\nmetadata: {name: shop}\nspec: {paths: [«policies»]}\n", "iact.yaml"
    )

    [problem] = load_project(tmp_path, {}, settings=text).problems

    assert (problem.rule, problem.position) == ("missing-path", place)


def test_what_is_no_regular_file_is_not_read(tmp_path: Path):
    project = write_project(tmp_path, {})
    os.mkfifo(project / "rule.yaml")

    [problem] = load_project(project, {}).problems

    assert (problem.rule, problem.message) == ("unreadable", "the file cannot be read: it is not a regular file.")


def test_an_unknown_time_zone_is_told_its_nearest(tmp_path: Path):
    text, [place] = marked(
        "apiVersion: iact/v1\nkind: Project\nmetadata: {name: shop}\nspec: {time_zone: «Europe/Berln»}\n", "iact.yaml"
    )

    [problem] = load_project(tmp_path, {}, settings=text).problems

    assert (problem.rule, problem.position) == ("unknown-time-zone", place)
    assert "Did you mean Europe/Berlin?" in problem.message


def test_a_hot_fix_among_merges_is_refused_where_it_is_written(tmp_path: Path):
    """Merges have no version numbers, so the report could not be made."""
    git = "{merges_to: main, failures: {reverts: true, hotfix: «{»within: 48h}}}"
    text, [place] = marked(resource("Project", f"  paths: [.]\n  sources: {{git: {git}}}\n", "shop"), "iact.yaml")

    [problem] = load_project(tmp_path, {}, settings=text).problems

    assert (problem.rule, problem.position) == ("wrong-source", place)
    assert "`tags` instead of `merges_to`" in problem.hint


def test_two_resources_of_one_name_are_told_with_both_places(tmp_path: Path):
    text, [first, second] = marked(PERSON.replace("somebody", "«a»") + "---\n" + PERSON.replace("somebody", "«a»"))

    [problem] = problems_of(tmp_path, text)

    assert (problem.rule, problem.position) == ("duplicate-name", second)
    assert f"there is already a Person of that name at {first}" in problem.message


def test_a_person_and_a_team_cannot_share_a_name(tmp_path: Path):
    """A reference is a bare word, so it must not be able to mean two things."""
    text = PERSON + "---\n" + HEAD.replace("example", "somebody") + "  members: [somebody]\n"

    assert [problem.rule for problem in problems_of(tmp_path, text)] == ["duplicate-name"]


def test_a_repository_has_one_project(tmp_path: Path):
    second = "apiVersion: iact/v1\nkind: Project\nmetadata: {name: other}\nspec: {}\n"

    [problem] = problems_of(tmp_path, second)

    assert (problem.rule, str(problem.position)) == ("duplicate-name", "rule.yaml:3:18")
