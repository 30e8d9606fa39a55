"""Keys for backups: those of the program age, told from slips of the pen, and never shown where they are secret."""

from __future__ import annotations

import pytest

from iact.stores.backups.keys import new_secret_key, public_key, secret_key
from tests.support.project import ROOT

FOLDER = ROOT / "tests/data/encryption"
SECRET = (FOLDER / "secret-key.txt").read_text(encoding="ascii").strip()
PUBLIC = (FOLDER / "public-key.txt").read_text(encoding="ascii").strip()


def test_a_pair_that_age_made_belongs_together_here_too():
    assert str(secret_key(SECRET).public) == PUBLIC
    assert secret_key(SECRET).text() == SECRET
    assert str(public_key(PUBLIC)) == PUBLIC
    assert public_key(PUBLIC.upper()) == public_key(PUBLIC)


@pytest.mark.parametrize("place", range(len("age1"), len(PUBLIC)))
def test_one_wrong_letter_is_noticed(place: int):
    other = "q" if PUBLIC[place] != "q" else "p"

    with pytest.raises(ValueError, match="expected a public key, age1 and 58 letters"):
        public_key(PUBLIC[:place] + other + PUBLIC[place + 1 :])


@pytest.mark.parametrize("text", ["", "age1", PUBLIC[:-1], f"{PUBLIC}q", PUBLIC.replace("age1", "agf1"), SECRET])
def test_what_is_no_public_key_is_refused_without_repeating_it(text: str):
    with pytest.raises(ValueError, match="expected a public key") as refused:
        public_key(text)

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "text", [SECRET[:-1], SECRET.replace("-KEY-1", "-KEY-2"), PUBLIC, SECRET[:20].lower() + SECRET[20:]]
)
def test_what_is_no_secret_key_is_refused_without_repeating_it(text: str):
    with pytest.raises(ValueError, match=r"^expected a secret key, AGE-SECRET-KEY-1 and 58 letters\. Check"):
        secret_key(text)


def test_a_secret_key_shows_itself_nowhere():
    key = new_secret_key()

    assert key != new_secret_key()
    assert key.raw.hex() not in repr(key)
    assert key.text() not in str(key)
