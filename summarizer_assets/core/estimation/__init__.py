"""What asking for so many authors will cost, and how sure that is. Pure."""
