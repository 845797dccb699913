"""What came back: a reply's text to its answers, matched by id, safe to be stored. Pure."""
