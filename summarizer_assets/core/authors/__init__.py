"""Where each author stands, and what is to be done about it. Pure."""
