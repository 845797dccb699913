"""One request on the network, and what its reply or its failure means."""
