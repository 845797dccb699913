"""Which column of somebody's table is which of ours: known spellings, and a guess that never takes one column twice."""
