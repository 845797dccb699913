"""The sensors' decisions as pure functions of what they observed."""
