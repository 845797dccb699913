from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.money import Usage
from summarizer_assets.core.spending import Booking, Tally, Wish, granted

sums = st.integers(0, 10**12)
wishes = st.builds(Wish, floor=sums, need=sums, want=sums)


@given(wish=wishes, room=st.integers(-(10**12), 10**13))
def test_a_grant_never_exceeds_the_room_and_meets_the_need_or_is_nothing(wish: Wish, room: int) -> None:
    extra = granted(wish, room)
    assert extra == 0 or wish.need <= extra <= max(wish.need, wish.want)
    assert extra == 0 or wish.floor + extra <= room
    if room - wish.floor >= wish.need > 0:
        assert extra >= wish.need


@given(wish=wishes)
def test_without_a_cap_a_wish_is_granted(wish: Wish) -> None:
    assert granted(wish, None) == max(wish.need, wish.want)


def test_near_the_cap_a_run_gets_a_part_so_that_others_find_some() -> None:
    assert granted(Wish(want=80), 1000) == 80
    assert granted(Wish(want=800), 1000) == 250
    assert granted(Wish(need=400, want=800), 1000) == 400
    assert granted(Wish(floor=500, need=600), 1000) == 0


def test_a_tally_becomes_the_booking_that_can_be_put_back_into_it() -> None:
    tally = Tally()
    tally.add(7, Usage(3, 2, 1), wasted=True)
    tally.add(5, Usage(3, 2), wasted=False)
    tally.uncertain += 4
    booking = tally.booking()
    assert booking == Booking(12, 4, 7, 6, 1, 4, 2)
    tally.merge(booking)
    assert tally.booking() == booking + booking
