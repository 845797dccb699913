"""The list of faults, 79 to 100, each with the tests that hold it, wherever they are; 1 to 63: test_faults_table.py."""

import ast
from pathlib import Path

import polars as pl
import pytest

from summarizer_assets.sources.errors import SourceError
from summarizer_assets_tests.bucket_run.house import housed

FOLDER = Path(__file__).parent
TABLE = {
    79: (  # wrong columns: an error at load that names them
        "sources/test_columns.py::test_a_missing_id_is_named_with_what_was_found_and_what_to_set",
        "sources/test_columns.py::test_a_mapped_column_that_is_not_there_is_named_and_the_whole_mapping_shown",
        "sources/test_columns.py::test_papers_of_unknown_fields_are_an_error",
        "test_faults_of_storage.py::test_79_wrong_columns_are_named_before_anything_is_made",
    ),
    80: (  # all authors in one bucket: bounded memory
        "ingest/test_memory.py::test_four_times_the_rows_in_one_bucket_take_far_less_than_four_times_the_memory",
        "ingest/test_ingest.py::test_all_authors_in_one_bucket_are_merged_in_parts",
    ),
    81: (  # kill -9 at any point, the commit included
        "ingest/test_killed_ingest.py::test_an_ingest_that_dies_at_a_point_is_completed_by_the_next_one",
        "ingest/test_killed_ingest.py::test_an_ingest_killed_again_and_again_at_random_loses_nothing",
        "test_crash.py::test_killed_runs_pay_again_only_for_what_was_in_flight",
        "test_kills.py::test_a_job_killed_again_and_again_loses_nothing_and_pays_twice_for_no_more_than_was_in_flight",
        "test_pipeline.py::test_a_run_killed_at_a_commit_asks_nobody_again_who_was_answered",
    ),
    82: (  # SIGTERM: what is answered is stored
        "test_crash.py::test_a_run_told_to_end_stores_all_that_was_answered",
        "test_crash.py::test_a_run_told_to_end_within_a_commit_finishes_it_and_stores_the_rest_that_was_answered",
    ),
    83: (  # disk full: a clear error, old versions readable
        "disks/full.py::test_a_disk_that_fills_up_under_the_journal",
        "disks/full.py::test_a_disk_that_fills_up_under_the_tables",
        "disks/full.py::test_a_disk_that_fills_up_under_the_state_store",
        "disks/full.py::test_a_disk_that_is_full_from_the_start_is_named_before_anybody_is_asked",
        "disks/full.py::test_a_disk_that_is_full_amid_an_ingest_leaves_the_table_as_it_was_and_nothing_put_aside",
        "disks/full.py::test_a_disk_that_is_full_at_the_commit_of_an_ingest_leaves_the_table_as_it_was",
        "test_faults_of_disks.py::test_on_real_disks",
    ),
    84: (  # a read-only target: before the first paid call
        "disks/read_only.py::test_a_read_only_target_is_named_before_anybody_is_asked",
        "disks/read_only.py::test_an_ingest_into_a_read_only_table_names_it_and_changes_nothing",
        "test_faults_of_disks.py::test_on_real_disks",
    ),
    85: (  # commit conflict: both present once
        "storage/delta/test_table.py::test_eight_threads_that_append_to_their_own_buckets_lose_nothing",
        "storage/delta/test_table.py::test_merges_overwrites_and_compactions_of_different_buckets_do_not_disturb_one_another",
    ),
    86: (  # a bucket twice at once: the second is refused before it pays
        "test_crash.py::test_the_second_run_of_a_bucket_is_refused_before_its_first_call",
        "storage/state_db/test_state.py::test_of_six_processes_that_claim_a_bucket_at_once_one_gets_it",
    ),
    87: (  # creation race: one version 0
        "storage/delta/test_table.py::test_eight_processes_that_create_the_table_at_once_make_one_version_0",
    ),
    88: (  # unchanged: no call, no version
        "test_main_job.py::test_a_second_run_over_the_sample_makes_no_call_and_no_version",
        "test_crash.py::test_a_run_without_work_makes_no_call_no_claim_and_no_version",
    ),
    89: (  # one citation more: one author asked
        "test_faults_of_storage.py::test_89_a_citation_more_asks_its_author_again_and_nobody_else",
        "test_main_job.py::test_one_new_title_asks_one_author_and_replaces_one_summary",
    ),
    90: (  # another prompt or model: nothing by itself; the old is readable for seven days
        "test_main_job.py::test_another_prompt_or_model_asks_nobody_again_but_newcomers",
        "storage/delta/test_maintenance.py::test_what_was_replaced_today_can_still_be_read_by_its_version",
    ),
    91: (  # a damaged log: a named error
        "test_faults_of_logs.py::test_damage_to_entries_of_the_log_is_told_with_a_remedy",
        "test_faults_of_logs.py::test_damage_to_a_checkpoint_is_told_and_its_remedy_helps",
        "test_faults_of_logs.py::test_a_damaged_note_of_the_last_checkpoint_costs_nothing",
        "test_faults_of_logs.py::test_nobody_is_asked_on_a_damaged_log",
    ),
    92: (  # schema drift: refused, never silent
        "storage/delta/test_table.py::test_a_table_of_other_columns_is_refused_before_anything_is_written",
        "storage/delta/test_table.py::test_a_type_inside_a_list_of_structs_counts_as_a_difference",
    ),
    93: (  # a vacuum beside a reader: a named error
        "storage/delta/test_vacuumed.py::test_a_reader_whose_files_are_vacuumed_is_told_and_reads_the_newest_version_again",
        "storage/delta/test_vacuumed.py::test_nobody_is_asked_when_data_files_are_gone",
        "storage/delta/test_maintenance.py::test_beside_four_writers_and_a_reader_nothing_is_lost_doubled_or_unreadable",
    ),
    94: (  # the clock jumps: unaffected
        "storage/state_db/test_state.py::test_a_clock_that_is_set_while_a_run_works_neither_frees_nor_locks_its_bucket",
        "storage/test_journal.py::test_a_clock_that_was_set_back_does_not_change_the_order",
        "storage/state_db/test_rate_limits.py::test_a_clock_that_is_set_back_makes_nobody_wait_until_it_is_as_late_again",
    ),
    95: (  # cancelled in Dagster
        "test_cancel.py::test_a_cancelled_run_stores_what_was_answered_and_is_left_alone",
    ),
    96: (  # few failures: green; too many: failed after committing
        "test_main_job.py::test_a_run_with_as_many_failures_as_are_allowed_is_green",
        "test_main_job.py::test_a_run_with_too_many_failures_ends_as_failed_after_storing_everything",
    ),
    97: (  # a damaged journal: the good prefix is used
        "test_crash.py::test_a_run_whose_journal_is_damaged_uses_the_good_part_and_asks_for_the_rest",
        "storage/test_journal.py::test_a_byte_changed_anywhere_ends_the_file_before_its_record_with_a_warning",
    ),
    98: (  # a canary key is found nowhere
        (
            "test_canary.py"
            "::test_a_key_that_the_provider_echoes_is_nowhere_nor_a_password_nor_what_is_merged_into_requests"
        ),
    ),
    99: (  # prompts are not logged
        "test_canary.py::test_the_search_finds_what_is_there_and_prompts_are_logged_nowhere",
    ),
    100: (  # SIGSTOP for longer than a lease
        "test_suspended.py::test_a_run_that_wakes_up_after_another_did_its_work_writes_nothing_and_says_why",
        "test_suspended.py::test_a_run_that_falls_asleep_within_a_commit_does_not_finish_it_over_another_s",
    ),
}


def names_in(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_fault_of_the_list_has_its_tests() -> None:
    assert list(TABLE) == list(range(79, 101))
    for number, tests in TABLE.items():
        assert tests, number
        for test in tests:
            file, _, name = test.partition("::")
            assert name in names_in(FOLDER / file), f"{number}: {test}"


def test_79_wrong_columns_are_named_before_anything_is_made(tmp_path):
    with housed(tmp_path) as house:
        house.change_source(pl.lit(1).alias("who"))
        source = Path(house.installation.given["source"])
        pl.read_parquet(source).drop("daisngid", "author_name").write_parquet(source)
        with pytest.raises(SourceError, match=r"author_id.*who.*SUMMARIZER_COLUMNS"):
            house.ingest()
        assert not (tmp_path / "root" / "authors").exists()


def cited(times: int) -> pl.Expr:
    count = pl.element().struct.with_fields(citingsrcslocalcount=pl.lit(times, pl.Int64))
    return pl.col("papers").list.eval(count)


def test_89_a_citation_more_asks_its_author_again_and_nobody_else(tmp_path):
    with housed(tmp_path) as house:
        house.change_source(cited(3).alias("papers"))
        house.ingest()
        house.work()
        house.change_source(pl.when(pl.col("daisngid") == 5).then(cited(4)).otherwise("papers").alias("papers"))
        house.ingest()
        assert house.asked_by(house.work) == {"5": 1}
        house.assert_settled()
