"""Whether a request can be paid for: prices, what is held, what is booked."""
