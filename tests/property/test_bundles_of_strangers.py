"""A file that somebody hands in as a bundle gets a clear answer in bounded memory, and "holds" only if it does."""

from __future__ import annotations

import io
import json
import os
import re
import struct
import tempfile
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iact.audit import zip_form
from iact.audit.bundles import (
    BUNDLE_FORMAT,
    DEFINITIONS,
    DISCLOSURES,
    EARLIER,
    ENTRIES,
    INDEX,
    LEAVES,
    LONGEST_LINE,
    MANIFEST,
    MEMBERS,
    ROTATIONS,
    AuditFindingError,
    BundleError,
)
from iact.audit.verifier import main
from iact.audit.verifying import verify_bundle
from iact.audit.zip_form import Packed, ZipWriter
from iact.core.canonical import canonical
from tests.support.bundles import SIGNER, Log, kept_in, packed, real_journal, unpacked

MUCH = 256 << 20
"""More bytes than the verifier may use."""


@pytest.fixture(scope="module")
def log() -> Log:
    return Log(real_journal())


@pytest.fixture(scope="module")
def honest(log: Log) -> bytes:
    """A period of the middle, with something in every file of it."""
    bundle = log.bundle(10, 21, kept=[3], period=("2026-03-02T14:00:00.000000Z", "2026-03-02T17:00:00.000000Z"))
    assert all(unpacked(bundle).values())
    return bundle


@pytest.fixture(scope="module")
def kept(log: Log) -> bytes:
    """A checkpoint from before, which the bundle has a proof for."""
    return str(log.checkpoint(3)).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[[bytes], tuple[int, str]]:
    """Verify a file as the command does: exit code, and all that is said."""

    def verify(content: bytes) -> tuple[int, str]:
        code = main([str(kept_in(tmp_path, content)), "--key", str(SIGNER.key)])
        told = capsys.readouterr()
        return code, told.out + told.err

    return verify


@pytest.fixture
def at_the_bundle(
    honest: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> pytest.CaptureFixture[str]:
    """Be in the folder in which the bundle is."""
    monkeypatch.chdir(tmp_path)
    kept_in(tmp_path, honest)
    (tmp_path / "empty.key").write_text("\ufeff# whose key this is\n\n", encoding="utf-8")
    return capsys


def test_a_key_is_read_from_a_file_as_people_keep_it(at_the_bundle: pytest.CaptureFixture[str], tmp_path: Path):
    """With the mark that editors put before it, with line ends of another system, and with whose it is."""
    written = f"\ufeff# the key of the shop\r\n\r\n  {SIGNER.key}\r\n"
    (tmp_path / "shop.key").write_bytes(written.encode())

    assert main(["bundle.zip", "--key", "shop.key"]) == 0
    assert at_the_bundle.readouterr().out.startswith("holds, 11 entries")


def doubled(honest: bytes, name: str) -> bytes:
    """Return a bundle in which a file comes twice."""
    opened = io.BytesIO(honest)
    with zipfile.ZipFile(opened, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr(name, b"{}")
    return opened.getvalue()


def zipped(name: str, content: bytes) -> bytes:
    return packed({name: content})


def newer(honest: bytes) -> bytes:
    members = unpacked(honest)
    record = json.loads(members[MANIFEST]) | {"format": "iact/audit-bundle/v3", "more": 1}
    return packed({**members, MANIFEST: canonical(record)})


def encrypted(honest: bytes) -> bytes:
    """Return a bundle whose list of files says that the first is encrypted."""
    place = honest.index(b"PK\x01\x02") + 8
    return honest[:place] + struct.pack("<H", 1) + honest[place + 2 :]


def rewritten(
    honest: bytes,
    *,
    local: Callable[[bytearray], object] = lambda _: None,
    listed: Callable[[bytearray], object] = lambda _: None,
    name: bytes = b"index.html",
) -> bytes:
    """Return a bundle in which somebody changed what stands before a file, or what the list says of it.

    Args:
        honest: the bundle.
        local: changes what stands before the file, which stays as long as it is.
        listed: changes what the list says of the file, with what is behind it.
        name: of the file.
    """
    size = 30 + len(name)
    place = next(one.start() for one in re.finditer(b"PK\x03\x04", honest) if honest[one.start() :][30:size] == name)
    before = bytearray(honest[place : place + size + 20])
    local(before)
    begin = honest.index(b"PK\x01\x02")
    entry = next(
        one.start() for one in re.finditer(b"PK\x01\x02", honest) if honest[one.start() :][46 : 46 + len(name)] == name
    )
    about = bytearray(honest[entry : entry + 46 + len(name)])
    listed(about)
    content = honest[:place] + before + honest[place + size + 20 : entry] + about + honest[entry + 46 + len(name) :]
    return with_end(content, begin)


def with_end(content: bytes, begin: int) -> bytes:
    """Return a zip whose end says where its list is."""
    end = content.rindex(b"PK\x05\x06")
    return content[:end] + content[end : end + 12] + struct.pack("<2LH", end - begin, begin, 0)


def put(into: bytearray, place: int, form: str, *numbers: int) -> None:
    struct.pack_into(form, into, place, *numbers)


def grown(into: bytearray, place: int, extra: bytes) -> None:
    """Add something behind the name in the list, and say so."""
    put(into, place, "<H", len(extra))
    into += extra


def shifted(honest: bytes, inserted: bytes, at: int = 0) -> bytes:
    """Return a bundle with something hidden between its files, whose list names the places behind that."""
    begin = honest.index(b"PK\x01\x02")
    content = bytearray(honest[:at] + inserted + honest[at:])
    for one in list(re.finditer(b"PK\x01\x02", bytes(content))):
        (place,) = struct.unpack_from("<L", content, one.start() + 42)
        put(content, one.start() + 42, "<L", place + len(inserted) if place >= at else place)
    return with_end(bytes(content), begin + len(inserted))


def hidden_page(honest: bytes) -> bytes:
    """Return a bundle in which the true page is listed, and another page stands before what the list names."""
    other = packed({INDEX: b"<p>nothing was decided</p>"})
    return shifted(honest, other[: other.index(b"PK\x01\x02")])


def repacked(honest: bytes, *, more: bytes = b"", cut: int = 0, behind: bytes = b"") -> bytes:
    """Return a bundle whose page unpacks to other bytes than it is said to have, or has something behind itself."""
    opened = io.BytesIO()
    archive = ZipWriter(opened)
    for name, content in unpacked(honest).items():
        if name != INDEX:
            with archive.member(name) as into:
                into.write(content)
            continue
        deflate = zlib.compressobj(wbits=-15)
        raw = deflate.compress(content + more) + deflate.flush() + behind
        raw = raw[: len(raw) - cut]
        file = Packed(name.encode(), 8, zlib.crc32(content), len(raw), len(content), opened.tell())
        opened.write(file.local() + raw)
        archive._files.append(file)  # noqa: SLF001 - what no writer writes
    archive.finish()
    return opened.getvalue()


TWICE = "says two things of index.html, or more than a bundle says"
HIDDEN = "where the file before it ends: something is hidden in it"
UNLIKE = "does not have the bytes that it is said to have"
OTHERS_SEE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "another size before a file": (lambda one: rewritten(one, local=lambda at: put(at, 44, "<Q", 7)), TWICE),
    "another size packed": (lambda one: rewritten(one, local=lambda at: put(at, 52, "<Q", 7)), TWICE),
    "another check": (lambda one: rewritten(one, local=lambda at: put(at, 14, "<L", 7)), TWICE),
    "another method": (lambda one: rewritten(one, local=lambda at: put(at, 8, "<H", 0)), TWICE),
    "another name": (lambda one: rewritten(one, local=lambda at: put(at, 30, "<B", ord("I"))), TWICE),
    "another flag": (lambda one: rewritten(one, local=lambda at: put(at, 6, "<H", 8)), TWICE),
    "a time": (lambda one: rewritten(one, local=lambda at: put(at, 10, "<H", 1)), TWICE),
    "a time in the list": (lambda one: rewritten(one, listed=lambda at: put(at, 12, "<H", 1)), TWICE),
    "a flag in the list": (lambda one: rewritten(one, listed=lambda at: put(at, 8, "<H", 8)), TWICE),
    "a link": (lambda one: rewritten(one, listed=lambda at: put(at, 38, "<L", 0o120777 << 16)), TWICE),
    "a comment": (lambda one: rewritten(one, listed=lambda at: grown(at, 32, b"see")), TWICE),
    "a size of almost all ones": (lambda one: rewritten(one, listed=lambda at: put(at, 24, "<L", 0xFFFFFFF0)), TWICE),
    "a size of all ones": (
        lambda one: rewritten(one, listed=lambda at: put(at, 24, "<L", 0xFFFFFFFF)),
        TWICE,
    ),
    "another name as Info-ZIP has it": (
        lambda one: rewritten(one, listed=lambda at: grown(at, 30, b"up\x0e\0\1" + bytes(4) + b"other.txt")),
        TWICE,
    ),
    "a name that ends for some": (
        lambda one: one.replace(b"leaves.bin", b"leaves\0bin"),
        "which no bundle has",
    ),
    "a page in front": (hidden_page, HIDDEN),
    "bytes between two files": (
        lambda one: shifted(one, b"x" * 9, one.index(b"PK\x03\x04", 4)),
        HIDDEN,
    ),
    "bytes behind the files": (
        lambda one: shifted(one, b"x" * 9, one.index(b"PK\x01\x02")),
        "something between its files and the list of them",
    ),
    "a page that is longer than it is said to be": (
        lambda one: repacked(one, more=b"<p>and more</p>"),
        "has more bytes than it is said to have",
    ),
    "a page with something behind it": (lambda one: repacked(one, behind=b"more"), UNLIKE),
    "a page that was cut off": (lambda one: repacked(one, cut=3), "ends too early"),
}


@pytest.mark.parametrize("what", OTHERS_SEE)
def test_a_zip_of_which_others_show_other_files_never_holds(what: str, honest: bytes, said):
    """What `unzip` or `jar` take out of a bundle is what was judged, or it is refused."""
    make, words = OTHERS_SEE[what]

    changed = make(honest)
    code, told = said(changed)

    assert changed != honest
    assert code == 2
    assert words in told
    assert "no bundle" in told or "said to have" in told or "cannot be judged" in told


def test_a_bundle_is_written_as_the_library_of_python_writes_a_zip(monkeypatch: pytest.MonkeyPatch):
    """So that every program reads it; where a file, or its place, needs 64 bits as well."""
    for limit in ((1 << 31) - 1, 400, 40):
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
        monkeypatch.setattr(zip_form, "_NARROW_LIMIT", limit)
        members = {"first": b"one" * 99, "empty": b"", "second": bytes(range(256)) * 9, "last": b"z"}
        opened = io.BytesIO()
        with zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                about = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                about.compress_type, about.external_attr, about.create_system = zipfile.ZIP_DEFLATED, 0o100644 << 16, 3
                with archive.open(about, "w", force_zip64=True) as into:
                    into.write(content)

        assert packed(members) == opened.getvalue()


def test_a_pipe_is_not_waited_for(tmp_path: Path, honest: bytes, capsys: pytest.CaptureFixture[str]):
    pipe, bundle = tmp_path / "pipe", str(kept_in(tmp_path, honest))
    os.mkfifo(pipe)
    key = str(SIGNER.key)

    for words in ([str(pipe), "--key", key], [bundle, "--key", key, "--checkpoint", str(pipe)]):
        assert main(words) == 2
        assert "pipe is no file but a pipe or a device" in capsys.readouterr().err
    assert main([bundle, "--key", str(pipe)]) == 2
    assert "no file but a pipe" in capsys.readouterr().err


STRANGERS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "nothing": (lambda _: b"", "is empty"),
    "text": (lambda _: b"holds, 9 entries", "does not begin as a zip"),
    "half of it": (lambda honest: honest[: len(honest) // 2], "was cut off"),
    "all but its last byte": (lambda honest: honest[:-1], "was cut off"),
    "something after it": (lambda honest: honest + b"\0", "was cut off, or something was added"),
    "something before it": (lambda honest: b"#!/bin/sh\n" + honest, "does not begin as a zip"),
    "a zip before it": (lambda honest: packed({"a": b"b"}) + honest, "its list of files is not that of one"),
    "zipped twice": (lambda honest: zipped("bundle.zip", honest), "zipped twice: unpack it, and verify 'bundle.zip'"),
    "its folder, zipped": (
        lambda honest: packed({f"shop/{name}": content for name, content in unpacked(honest).items()}),
        "holds a folder with the files of a bundle",
    ),
    "another zip": (lambda _: zipped("readme.txt", b"hello"), "has no manifest.json"),
    "of a newer version": (newer, "iact/audit-bundle/v3, and this verifier knows iact/audit-bundle/v2"),
    "a path that leads out": (
        lambda honest: packed({**unpacked(honest), "../../etc/passwd": b"x"}),
        "holds '../../etc/passwd', which no bundle has",
    ),
    "a name with control characters": (
        lambda honest: packed({**unpacked(honest), "\x1b[2Jentries": b"x"}),
        "which no bundle has",
    ),
    "entries twice": (lambda honest: doubled(honest, ENTRIES), "more than once"),
    "manifest twice": (lambda honest: doubled(honest, MANIFEST), "more than once"),
    "encrypted": (encrypted, "is encrypted"),
    "compressed otherwise": (
        lambda honest: recompressed(honest, zipfile.ZIP_LZMA),
        "compressed in a way that no bundle is",
    ),
}


def recompressed(honest: bytes, method: int) -> bytes:
    opened = io.BytesIO()
    with zipfile.ZipFile(opened, "w", method) as archive:
        for name, content in unpacked(honest).items():
            archive.writestr(name, content)
    return opened.getvalue()


@pytest.mark.parametrize("what", STRANGERS)
def test_what_is_no_bundle_is_called_what_it_is(what: str, honest: bytes, said):
    make, words = STRANGERS[what]

    code, told = said(make(honest))

    assert code == 2
    assert told.startswith("cannot be judged: ")
    assert words in told
    assert told.isprintable() or told.endswith("\n")


def test_an_honest_bundle_holds_and_says_so(honest: bytes, said):
    code, told = said(honest)

    assert (code, told.split(",")[:2]) == (0, ["holds", " 11 entries"])


def test_an_honest_bundle_goes_on_from_what_was_kept(honest: bytes, kept: bytes, folder: Path):
    assert verify_bundle(kept_in(folder, honest), [SIGNER.key], [kept]).kept == (3,)


@pytest.mark.parametrize("missing", MEMBERS)
def test_a_file_that_is_missing_is_named(missing: str, honest: bytes, said):
    members = unpacked(honest)
    del members[missing]

    code, told = said(packed(members))

    assert code == 2
    assert missing in told


@pytest.mark.parametrize("name", [name for name in MEMBERS if name.endswith((".json", ".jsonl"))])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"{",
        b"null",
        b"[0]\n",
        b"1.5\n",
        b"NaN\n",
        b'"\\ud800"\n',
        b"\xff\xfe\n",
        b'{"a":1,"a":2}\n',
        b"[" * 100_000 + b"]" * 100_000 + b"\n",
        b"9" * 10_000 + b"\n",
        canonical({"format": BUNDLE_FORMAT}),
        canonical({"place": -1, "proof": [], "entry": ""}) + b"\n",
        canonical({"place": 1, "proof": ["00"], "entry": ""}) + b"\n",
        b'["Agent","a","b",{"tree":["map",[[1,2]],[]]}]\n',
    ],
    ids=range(16),
)
def test_bad_json_is_told_of_wherever_it_stands(name: str, content: bytes, honest: bytes, said):
    members = unpacked(honest)
    assert members[name]

    code, told = said(packed({**members, name: content}))

    assert code in {1, 2}
    assert told.startswith(("cannot be judged: ", "does not hold: "))
    assert "Traceback" not in told
    assert len(told) < 1000


@given(place=st.integers(0, 1 << 20), change=st.binary(min_size=1, max_size=8), cut=st.integers(0, 20))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_bytes_of_the_zip_that_chance_changed_hold_only_where_all_files_are_the_same(
    honest: bytes, folder: Path, place: int, change: bytes, cut: int
):
    """The last bits of what was packed may mean nothing. What is read has to be just the same."""
    place %= len(honest)
    changed = honest[:place] + change + honest[place + len(change) + cut :]
    try:
        verify_bundle(kept_in(folder, changed), [SIGNER.key])
    except (AuditFindingError, BundleError):
        return
    same = unpacked(changed)
    assert {**same, "keys.txt": b""} == {**unpacked(honest), "keys.txt": b""}


@given(content=st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_no_bytes_are_a_bundle_by_chance(folder: Path, content: bytes):
    for one in (content, b"PK\x03\x04" + content, b"PK\x03\x04" + content + b"PK\x05\x06" + bytes(18)):
        with pytest.raises((AuditFindingError, BundleError)):
            verify_bundle(kept_in(folder, one), [SIGNER.key])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(name=st.sampled_from([name for name in MEMBERS if "json" in name]), data=st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_value_in_whose_place_another_stands_never_holds(
    honest: bytes, kept: bytes, folder: Path, name: str, data: st.DataObject
):
    """Each value of each JSON file in turn is replaced by some other JSON."""
    members = unpacked(honest)
    lines = members[name].splitlines() or [b"{}"]
    number = data.draw(st.integers(0, len(lines) - 1))
    record = json.loads(lines[number])
    holder: list[Any] = [record]
    places = list(_places(holder))
    container, key = places[data.draw(st.integers(0, len(places) - 1))]
    value = data.draw(JSON)
    if container[key] == value and type(container[key]) is type(value):
        return
    container[key] = value
    lines[number] = json.dumps(holder[0], separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode(
        "utf-8", "replace"
    )
    end = b"\n" if name.endswith("l") else b""
    changed = packed({**members, name: b"".join(line + end for line in lines)})
    with pytest.raises((AuditFindingError, BundleError)):
        verify_bundle(kept_in(folder, changed), [SIGNER.key], [kept])


def _places(container: Any) -> Iterator[tuple[Any, Any]]:
    for key in container if isinstance(container, dict) else range(len(container)):
        yield container, key
        if isinstance(container[key], dict | list):
            yield from _places(container[key])


def filled(honest: bytes, name: str, content: Callable[[], Iterator[bytes]]) -> Iterator[Path]:
    """Write a bundle in which one file is very large, and give the place of it."""
    with tempfile.NamedTemporaryFile(suffix=".zip") as opened:
        archive = ZipWriter(cast("IO[bytes]", opened))
        for each, small in unpacked(honest).items():
            with archive.member(each) as into:
                for block in content() if each == name else [small]:
                    into.write(block)
        archive.finish()
        opened.flush()
        yield Path(opened.name)


BLOCK = 1 << 20
BOMBS: dict[str, tuple[str, Callable[[], Iterator[bytes]]]] = {
    "endless rotations": (ROTATIONS, lambda: (b"[[[[[[[[]]]]]]]]," * (BLOCK // 17) for _ in range(16))),
    "one endless entry": (ENTRIES, lambda: (b"a" * BLOCK for _ in range(MUCH // BLOCK * 2))),
    "very many empty entries": (ENTRIES, lambda: (b"\n" * BLOCK for _ in range(4))),
    "one endless definition": (DEFINITIONS, lambda: (b"[" * BLOCK for _ in range(MUCH // BLOCK // 2))),
    "too many definitions": (DEFINITIONS, lambda: (b"\n" * BLOCK for _ in range(MUCH // BLOCK * 2))),
    "one endless entry from before": (EARLIER, lambda: (b"[" * BLOCK for _ in range(MUCH // BLOCK * 2))),
    "an endless manifest": (MANIFEST, lambda: (b" " * BLOCK for _ in range(MUCH // BLOCK * 2))),
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_file_that_unpacks_to_more_than_there_is_memory_for_is_refused_in_little(what: str, honest: bytes):
    name, content = BOMBS[what]
    for file in filled(honest, name, content):
        tracemalloc.start()
        try:
            with pytest.raises((AuditFindingError, BundleError)) as refused:
                verify_bundle(file, [SIGNER.key])
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert name in str(refused.value) or "entries" in str(refused.value) or "entry" in str(refused.value)
        assert peak < 4 * LONGEST_LINE


def test_a_bundle_of_ten_gigabytes_that_is_none_is_refused_at_once(tmp_path: Path):
    """A sparse file: it has that length, and takes no room."""
    file = tmp_path / "large.zip"
    with file.open("wb") as opened:
        opened.write(b"PK\x03\x04")
        opened.truncate(10 * 1000**3)

    with pytest.raises(BundleError, match="was cut off"):
        verify_bundle(file, [SIGNER.key])


def test_a_list_of_millions_of_files_is_not_read(tmp_path: Path):
    """`zipfile` would read all of it before it said anything."""
    claimed = 3 * 1000**3
    file = tmp_path / "list.zip"
    with file.open("wb") as opened:
        opened.write(b"PK\x03\x04")
        opened.truncate(4 + claimed)
        opened.seek(0, io.SEEK_END)
        opened.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, claimed, 4, 0))

    tracemalloc.start()
    try:
        with pytest.raises(BundleError, match="its list of files is not that of one"):
            verify_bundle(file, [SIGNER.key])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.zip", "--key", str(SIGNER.key)], "missing.zip cannot be read: No such file"),
        ([".", "--key", str(SIGNER.key)], "is a folder"),
        (["bundle.zip", "--key", "nonsense"], "'nonsense' is neither a key nor a file with one"),
        (["bundle.zip", "--key", "\0"], "neither a key nor a file"),
        (["bundle.zip", "--key", "bundle.zip"], "the key cannot be read from bundle.zip"),
        (["bundle.zip", "--key", "empty.key"], "empty.key holds no key"),
        (["bundle.zip", "--key", str(SIGNER.key), "--old-key", "nonsense"], "'nonsense' is neither a key nor a file"),
        (["bundle.zip", "--key", str(SIGNER.key), "--checkpoint", "missing"], "checkpoint cannot be read from missing"),
        (["bundle.zip", "--key", str(SIGNER.key), "--checkpoint", "bundle.zip"], "that was kept cannot be used"),
    ],
)
def test_what_is_named_and_cannot_be_used_is_told(
    arguments: list[str], words: str, at_the_bundle: pytest.CaptureFixture[str]
):
    assert main(arguments) == 2
    told = at_the_bundle.readouterr().err
    assert words in told
    assert told.startswith("cannot be judged: ")


@pytest.mark.parametrize(
    "manifest", [{"format": "iact/audit-bundle/v3"}, {"format": "iact/audit-bundle/v12", "n": 1.5}]
)
def test_a_bundle_of_a_later_release_is_called_that_whatever_else_is_new_in_it(manifest: object, honest: bytes, said):
    members = {**unpacked(honest), "more.json": b"{}", MANIFEST: json.dumps(manifest).encode()}
    del members[INDEX]

    code, told = said(packed(members))

    assert code == 2
    assert "in the format iact/audit-bundle/v" in told
    assert "verify it with the verifier of a newer release" in told


def test_a_token_that_no_text_can_be_is_told(honest: bytes, said):
    members = unpacked(honest)
    line = json.loads(members[DISCLOSURES].splitlines()[0])
    members[DISCLOSURES] = json.dumps({**line, "token": "\ud800:0"}).encode() + b"\n"

    code, told = said(packed(members))

    assert code == 2
    assert "line 1 of disclosures.jsonl cannot be read" in told


def test_names_of_runs_take_no_memory_whoever_made_them_up(log: Log, honest: bytes, said):
    """Each is kept in mind: also of entries that are not those of the log, in which the first bad one is searched."""
    entry = json.loads(log.entries[0]) | {"run": "r" * 1_000}
    members = unpacked(honest)
    entries = [canonical(entry), *members[ENTRIES].splitlines()[1:]]
    forged = {**members, ENTRIES: b"".join(one + b"\n" for one in entries), LEAVES: bytes(len(members[LEAVES]))}

    for bundle in (packed(forged), Log(log.journal, entries=[canonical(entry)]).bundle()):
        code, told = said(bundle)
        assert code == 1
        assert "is of a run whose name is longer than any" in told


def test_actions_that_are_never_settled_are_kept_within_a_limit(log: Log, said, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("iact.audit.chains.MOST_OPEN", 1)
    assert said(log.bundle())[0] == 0, "each is settled before the next is decided"
    monkeypatch.setattr("iact.audit.chains.MOST_OPEN", 0)

    code, told = said(log.bundle())

    assert code == 2
    assert "more than 0 actions that are not settled" in told
