from summarizer_assets.sensors.decide.given_up import TELL_EVERY_S, NeedsAttention, Parked, to_tell

NOBODY = NeedsAttention({}, [])
SOME = NeedsAttention({"refusal": 12, "truncated": 3}, [Parked("0003", "outage"), Parked("0007", None)])


def test_who_is_given_up_is_listed_by_reason_with_what_to_do() -> None:
    page = SOME.markdown(5)
    assert "**15 authors are given up**" in page
    assert "| `refusal` | 12 | read the detail" in page
    assert "`retry_all: true`" in page
    assert "**2 buckets are parked**" in page
    assert "`0003` (outage), `0007` (died)" in page
    assert NOBODY.markdown(5) == "Nobody is given up, and no bucket is parked."


def test_thousands_of_parked_buckets_make_no_page_without_end() -> None:
    page = NeedsAttention({}, [Parked(f"{n:04d}", "terminated") for n in range(4096)]).markdown(5)
    assert "and 4,076 more" in page
    assert len(page) < 1500


def test_each_change_is_told_once_and_not_all_the_time() -> None:
    assert not to_tell(NOBODY, "", 0.0, 1e9)
    assert to_tell(SOME, "", 0.0, 1e9)
    assert not to_tell(SOME, SOME.digest, 0.0, 1e9)
    assert not to_tell(SOME, "another", 1e9, 1e9 + TELL_EVERY_S - 1)
    assert to_tell(NOBODY, SOME.digest, 1e9, 1e9 + TELL_EVERY_S)
