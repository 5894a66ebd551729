"""What is read from /proc, and what a line of the table is made of."""

import os

from benchmarks.measure import CLIENT, Measurement, ProcessState, ProcessUse, find_name, parse_state, summarize

TICKS = os.sysconf("SC_CLK_TCK")


def state(parent: int) -> ProcessState:
    return ProcessState(parent, cpu_seconds=0.0, peak_rss_bytes=0)


def test_a_state_is_read_behind_a_command_with_parentheses() -> None:
    stat = f"7 (a (b) c) S 3 7 7 0 -1 0 0 0 0 0 {2 * TICKS} {TICKS} 0 0 20 0 1 0"

    assert parse_state(stat, "Name:\ta\nVmHWM:\t  12 kB\n") == ProcessState(3, 3.0, 12 * 1024)


def test_a_process_that_is_ending_has_no_peak() -> None:
    assert parse_state("7 (a) Z 3 7 7 0 -1 0 0 0 0 0 0 0 0 0", "Name:\ta\n").peak_rss_bytes == 0


def test_a_child_goes_by_the_name_of_its_nearest_ancestor() -> None:
    states = {1: state(0), 2: state(1), 3: state(2), 4: state(3)}

    assert find_name(4, states, {1: "far", 3: "near"}) == "near"


def test_a_stranger_has_no_name() -> None:
    assert find_name(4, {1: state(0), 4: state(1)}, {3: "near"}) is None


def test_a_summary_holds_medians_and_the_worst_peak_without_the_client() -> None:
    client = ProcessUse(CLIENT, cpu_seconds=50.0, peak_rss_bytes=999)
    runs = [
        Measurement(10, seconds, (client, ProcessUse("bulk-worker-0", seconds, peak)), phases={"score": seconds})
        for seconds, peak in ((1.0, 100), (5.0, 300), (2.0, 200))
    ]

    summary = summarize("ours_1", runs)

    assert (summary.seconds, summary.rows_per_second, summary.worker_cpu_seconds) == (2.0, 5.0, 2.0)
    assert summary.phases == {"score": 2.0}
    assert summary.peak_rss_bytes == {"bulk-worker-0": 300}
