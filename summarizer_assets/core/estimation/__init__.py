"""Statistical estimation of the cost of asking authors, with intervals. Pure."""
