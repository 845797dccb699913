"""What is sent: authors as data in the messages of a request, and their identity. Pure."""
