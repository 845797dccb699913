"""A catalogue of books, and summaries of researchers and members."""
