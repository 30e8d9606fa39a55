"""The jobs that a schedule can name are those that are carried out."""

from __future__ import annotations

from typing import get_args, get_type_hints

from iact.config.model.schedule import JOBS, Scheduled
from iact.serving import housekeeping


def test_every_job_that_a_schedule_can_name_is_carried_out_and_says_what_it_can_be_given():
    literal, _ = get_args(get_type_hints(Scheduled, include_extras=True)["do"])

    assert set(get_args(literal)) == set(JOBS) == set(housekeeping.JOBS)
