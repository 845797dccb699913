"""The forms in which authors arrive, each turned into chunks of one shape."""
