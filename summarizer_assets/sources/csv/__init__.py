"""The CSV reader, with detection of each file's dialect."""
