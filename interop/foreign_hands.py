"""What Spark does to our own table `authors`, each in a copy of the root, after which our next ingest is run."""

from collections.abc import Mapping

HANDS: Mapping[str, tuple[str, ...]] = {
    "a_row_changed": ("UPDATE {t} SET primary_affiliation = 'Elsewhere' WHERE author_id = '2'",),
    "a_row_deleted": ("DELETE FROM {t} WHERE author_id = '2'",),
    "deletion_vectors_enabled_a_row_deleted": (
        "ALTER TABLE {t} SET TBLPROPERTIES (delta.enableDeletionVectors = true)",
        "DELETE FROM {t} WHERE author_id = '2'",
    ),
    "column_mapping_enabled": ("ALTER TABLE {t} SET TBLPROPERTIES (delta.columnMapping.mode = 'name')",),
    "row_tracking_enabled": ("ALTER TABLE {t} SET TBLPROPERTIES (delta.enableRowTracking = true)",),
    "change_feed_enabled": ("ALTER TABLE {t} SET TBLPROPERTIES (delta.enableChangeDataFeed = true)",),
    "a_column_added": ("ALTER TABLE {t} ADD COLUMN (note STRING)",),
    "optimized": ("OPTIMIZE {t}",),
}
