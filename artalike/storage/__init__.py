"""Where things are kept: the catalog (SQLite), the vector index (FAISS), thumbnails (files)."""
