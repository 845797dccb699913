"""What must hold of the tables, judged from their rows. Pure."""
