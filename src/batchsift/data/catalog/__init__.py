"""The named data sets: what they are, and how they get here.

`sets.toml` is the table; `table` reads it, `files` downloads into the cache, `openml` asks OpenML through
scikit-learn, `reading` makes data sets of the files and refuses what is not as published.

>>> entry("cal500").shape, entry("cal500").cardinality
('502 x 68 x 174', 26.044)
"""

from batchsift.data.catalog.files import cache_folder, fetch, is_cached
from batchsift.data.catalog.reading import load, published_split
from batchsift.data.catalog.table import Entry, File, entry, known, names, openml_id

__all__ = [
    "Entry",
    "File",
    "cache_folder",
    "entry",
    "fetch",
    "is_cached",
    "known",
    "load",
    "names",
    "openml_id",
    "published_split",
]
