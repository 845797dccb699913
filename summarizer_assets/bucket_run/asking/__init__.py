"""How a run asks for its authors: groups are scheduled, sent, halved, charged and stopped."""
