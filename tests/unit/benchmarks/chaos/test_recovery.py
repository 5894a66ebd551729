"""How long delayed jobs took."""

from benchmarks.chaos.history import Answer, JobHistory, Reading
from benchmarks.chaos.recovery import Span, merge, percentile, summarize_recovery


def job(accepted_at: float, ended_at: float) -> JobHistory:
    answer = Answer("succeeded", created_at=accepted_at, completed_at=ended_at)
    return JobHistory(1, "prd_1", accepted_at, readings=[Reading(ended_at + 1, answer)])


KILL = Span(10.0, 10.0, is_outage=False)
OUTAGE = Span(20.0, 30.0, is_outage=True)


def test_a_job_that_took_its_usual_time_was_not_delayed() -> None:
    recovery = summarize_recovery([job(9.9, 10.5)], [KILL])

    assert recovery.delayed_jobs == 0
    assert recovery.max_seconds == 0


def test_a_delay_counts_from_acceptance_whatever_caused_it() -> None:
    recovery = summarize_recovery([job(9.0, 21.0), job(50.0, 54.0)], [KILL])

    assert recovery.delayed_jobs == 2
    assert (recovery.p50_seconds, recovery.max_seconds) == (4.0, 12.0)


def test_the_seconds_of_an_outage_do_not_count() -> None:
    recovery = summarize_recovery([job(19.0, 33.0)], [OUTAGE])

    assert recovery.max_seconds == 4.0


def test_outages_that_overlap_are_taken_off_once() -> None:
    recovery = summarize_recovery([job(19.0, 40.0)], [OUTAGE, Span(25.0, 35.0, is_outage=True)])

    assert recovery.max_seconds == 6.0


def test_a_kind_is_held_to_account_for_the_jobs_that_it_touched() -> None:
    recovery = summarize_recovery([job(9.0, 12.0), job(40.0, 49.0)], [KILL, OUTAGE], of=[KILL])

    assert (recovery.delayed_jobs, recovery.max_seconds) == (1, 3.0)


def test_a_job_that_never_ended_has_no_recovery() -> None:
    stuck = JobHistory(1, "prd_1", 5.0, readings=[Reading(90.0, Answer("queued"))])

    assert summarize_recovery([stuck], [KILL]).delayed_jobs == 0


def test_intervals_are_merged_where_they_meet() -> None:
    assert merge([(5.0, 7.0), (1.0, 2.0), (2.0, 3.0), (6.0, 6.5)]) == [(1.0, 3.0), (5.0, 7.0)]


def test_a_percentile_is_a_value_that_occurred() -> None:
    values = [float(number) for number in range(1, 101)]

    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1.0)) == (50.0, 99.0, 100.0)
    assert percentile([], 0.99) == 0.0
