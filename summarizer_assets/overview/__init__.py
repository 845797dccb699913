"""Where a root stands, from counts and logs alone, and the one command to call next."""
