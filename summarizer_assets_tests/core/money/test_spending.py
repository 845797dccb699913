from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.money.spending import Booking, Wish, granted

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


def test_a_booking_takes_in_requests_and_other_bookings() -> None:
    booking = Booking()
    booking.add(7, Usage(3, 2, 1), wasted=True)
    booking.add(5, Usage(3, 2), wasted=False)
    booking.uncertain += 4
    assert booking == Booking(12, 4, 7, 6, 1, 4, 2)
    assert booking + booking == Booking(24, 8, 14, 12, 2, 8, 4)
