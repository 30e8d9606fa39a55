"""Calls that go on beside the thread that asks for them."""

from __future__ import annotations

import sys
import threading

import pytest

from iact.stores.background import TURN, Background


class BrokenError(Exception):
    """What a call fails with."""


def fail() -> None:
    raise BrokenError


def test_calls_are_carried_out_in_order_by_one_other_thread() -> None:
    done: list[tuple[int, int]] = []

    def note(number: int) -> None:
        done.append((number, threading.get_ident()))

    with Background() as background:
        for number in range(20):
            background.call(note, number)

    assert [number for number, _ in done] == list(range(20))
    assert len({thread for _, thread in done} - {threading.get_ident()}) == 1


def test_the_asking_thread_goes_on_while_a_call_waits() -> None:
    allowed = threading.Event()

    with Background() as background:
        background.call(allowed.wait)
        allowed.set()  # the call could never end if it were waited for

    assert allowed.is_set()


def test_an_error_is_raised_at_the_end_and_what_waits_behind_it_is_not_carried_out() -> None:
    done: list[str] = []
    allowed = threading.Event()

    def ask() -> None:
        with Background() as background:
            background.call(allowed.wait)
            background.call(fail)
            allowed.set()
            background.call(done.append, "after")
            background.call(done.append, "long after")

    with pytest.raises(BrokenError):
        ask()
    assert done == []


def test_an_error_of_the_asking_thread_waits_for_the_call_that_is_being_carried_out() -> None:
    began, ended = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        ended.set()

    def ask() -> None:
        with Background() as background:
            background.call(work)
            began.wait()
            fail()

    with pytest.raises(BrokenError):
        ask()
    assert ended.is_set()


def test_threads_take_turns_more_often_only_while_calls_may_go_on() -> None:
    usual = sys.getswitchinterval()

    with Background() as background:
        background.call(list)
        meanwhile = sys.getswitchinterval()

    assert (meanwhile, sys.getswitchinterval()) == (TURN, usual)
    assert usual > TURN
