"""A catalogue of books, with summaries of the people who wrote what is in it."""
