"""The names of the quality checks, as used in Dagster and in docs/checks.md."""

AUTHORS, SUMMARIES, FAILURES = "authors", "author_summaries", "failed_authors"

COLUMNS = "columns_are_ours"
ONE_ROW = "one_row_an_author"
EXCLUDED = "excluded_are_authors"
AS_WRITTEN = "records_are_as_written"
ONE_PLACE = "each_author_in_one_place"
CURRENT = "summaries_are_current"
LIMIT = "nobody_waits_for_the_limit"
FEW_FAILURES = "few_failures"
GROUNDING = "grounding_holds"
LANGUAGE = "language_holds"

#: Checks of `authors`, made as soon as it is written.
OF_AUTHORS = (COLUMNS, ONE_ROW, EXCLUDED)
#: Checks of whole tables.
WHOLE = (COLUMNS, ONE_ROW, AS_WRITTEN, ONE_PLACE, CURRENT, FEW_FAILURES, GROUNDING, LANGUAGE)
#: Checks of a bucket, made by its run; the columns are checked before it begins.
OF_BUCKET = (
    (SUMMARIES, ONE_ROW),
    (FAILURES, ONE_ROW),
    (SUMMARIES, ONE_PLACE),
    (SUMMARIES, CURRENT),
    (SUMMARIES, LIMIT),
    (FAILURES, FEW_FAILURES),
    (SUMMARIES, GROUNDING),
    (SUMMARIES, LANGUAGE),
)
#: Checks whose failure stops later steps of the same run.
BLOCKING = frozenset({COLUMNS, ONE_ROW, ONE_PLACE})

MEANINGS = {
    COLUMNS: "The tables have the columns and types that this version writes.",
    EXCLUDED: "Of the people never to be sent one at least is an author: else the list may be written wrongly.",
    ONE_ROW: "No author has two rows in a table.",
    AS_WRITTEN: "Each record of `authors` has the hash that an ingest wrote with it: nothing else has changed it.",
    ONE_PLACE: "authors = summaries + failed + pending, and each author, by id, is in exactly one of them.",
    CURRENT: "Each summary is of what its author's record says now. To ask again costs money: a warning.",
    LIMIT: "SUMMARIZER_LIMIT holds back no author of the bucket. A pilot holds back all beyond its limit: a warning.",
    FEW_FAILURES: "Of the authors asked, no more failed than SUMMARIZER_CHECK_FAILURE_SHARE allows.",
    GROUNDING: "New summaries share as much with their authors' records as the older ones, and no more are in doubt.",
    LANGUAGE: "No more of the new summaries are in another language than of the older ones.",
}
