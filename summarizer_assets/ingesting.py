"""An ingest as a stream of table changes, with what it counted as metadata."""



