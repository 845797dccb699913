"""Whether a summary is about its author, and what in it a person should look at. Pure."""
