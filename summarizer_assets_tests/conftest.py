"""What holds for all tests."""

from hypothesis import settings

# Examples have no deadline: how long one takes says more of the machine than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
