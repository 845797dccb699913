"""Two compactions of the same files, of which neither knew the other, leave each row twice: the next run mends it."""

from deltalake import DeltaTable

from summarizer_assets.rehearsal.provider import FaultyProvider
from testing.installation import ingested, metadata_of
from testing.provider import answer


def test_doubled_summaries_are_made_single_without_asking_anybody_and_once(tmp_path):
    provider = FaultyProvider(answer)
    with ingested(provider, tmp_path, 60, buckets=1, group_size=5, commit_rows=10) as house:
        assert house.summarize()[0].success
        before = house.frame("summaries").sort("author_id")
        asked = len(provider.entries)
        uri = house.summarizer.tables.summaries.uri
        table = DeltaTable(uri)
        table.restore(table.version() - 1)  # to before the run's own compaction
        for handle in [DeltaTable(uri), DeltaTable(uri)]:  # both opened before either compacts
            handle.optimize.compact()
        assert house.frame("summaries").height == 2 * before.height  # the engine's own way, which the run must mend

        (run,) = house.summarize()
        assert run.success
        assert metadata_of(run)["calls"] == 0
        assert len(provider.entries) == asked
        assert house.frame("summaries").sort("author_id").equals(before)
        house.assert_each_author_in_one_place()

        versions = house.versions()
        assert house.summarize()[0].success
        assert house.versions() == versions
