"""What the sensors decide, from what they see. Pure."""
