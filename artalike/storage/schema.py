"""The catalog's schema, as a list of migrations to which new ones are appended and in which none is ever changed.

`PRAGMA user_version` counts those that have run; each runs in one transaction together with that count.
Images, URLs, vectors and models are the collection; seeds, frontier and lanes are the crawl.
"""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x41525441  # "ARTA", so that `file` and we can tell a catalog from any other database

PAGE_SIZE: Final = 8192  # three 1280-dimensional float16 vectors to a page; the default of 4096 holds one

COLLECTION: Final = """
CREATE TABLE models (
    id        INTEGER PRIMARY KEY,
    model_id  TEXT    NOT NULL UNIQUE,
    dimension INTEGER NOT NULL,
    active    INTEGER NOT NULL DEFAULT 0,
    added_at  REAL    NOT NULL
);
CREATE UNIQUE INDEX models_active ON models (active) WHERE active;

CREATE TABLE images (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,   -- an id is never given twice, even after a removal
    sha256      BLOB    NOT NULL UNIQUE,
    url         TEXT    NOT NULL,
    width       INTEGER NOT NULL,
    height      INTEGER NOT NULL,
    format      TEXT    NOT NULL,
    bytes       INTEGER NOT NULL,
    color       TEXT    NOT NULL,
    phash       INTEGER NOT NULL,                    -- 64 bits, two's complement
    source      TEXT    NOT NULL,
    title       TEXT,
    creator     TEXT,
    date        TEXT,
    rights      TEXT,
    attribution TEXT,
    page_url    TEXT,
    extra       TEXT,                                -- JSON object
    added_at    REAL    NOT NULL,
    removed_at  REAL
);
CREATE INDEX images_removed ON images (id) WHERE removed_at IS NOT NULL;

CREATE TABLE image_urls (
    url      TEXT    NOT NULL,
    image_id INTEGER NOT NULL REFERENCES images (id),
    PRIMARY KEY (url, image_id)
) WITHOUT ROWID;
CREATE INDEX image_urls_image ON image_urls (image_id);

CREATE TABLE vectors (
    image_id INTEGER NOT NULL REFERENCES images (id),
    model    INTEGER NOT NULL REFERENCES models (id),
    vector   BLOB    NOT NULL,                       -- float16, little-endian, unit length
    UNIQUE (model, image_id)
);
"""

CRAWL: Final = """
CREATE TABLE seeds (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    source     TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    options    TEXT    NOT NULL DEFAULT '{}',        -- JSON object
    state      TEXT    NOT NULL,
    found      INTEGER NOT NULL DEFAULT 0,
    pending    INTEGER NOT NULL DEFAULT 0,           -- waiting and leased
    done       INTEGER NOT NULL DEFAULT 0,
    failed     INTEGER NOT NULL DEFAULT 0,
    images     INTEGER NOT NULL DEFAULT 0,
    error      TEXT,
    created_at REAL    NOT NULL,
    updated_at REAL    NOT NULL,
    UNIQUE (source, kind)
);

CREATE TABLE frontier (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- a task in flight must never come to mean another row
    seed_id       INTEGER NOT NULL REFERENCES seeds (id),
    kind          TEXT    NOT NULL,
    url           TEXT    NOT NULL,
    host          TEXT    NOT NULL,
    depth         INTEGER NOT NULL DEFAULT 0,
    thumbnail_url TEXT,
    metadata      TEXT    NOT NULL DEFAULT '{}',     -- JSON object; emptied when done
    state         TEXT    NOT NULL,                  -- pending, leased, done, failed
    attempts      INTEGER NOT NULL DEFAULT 0,
    not_before    REAL    NOT NULL DEFAULT 0,
    cursor        TEXT,
    error_kind    TEXT,
    error_detail  TEXT,
    failed_at     REAL,
    UNIQUE (seed_id, kind, url)
);
CREATE INDEX frontier_due ON frontier (seed_id, host, not_before, (kind <> 'image'), id) WHERE state = 'pending';
CREATE INDEX frontier_leased ON frontier (id) WHERE state = 'leased';
CREATE INDEX frontier_failed ON frontier (error_kind, failed_at) WHERE state = 'failed';

-- One row for each seed and host with anything waiting, so that leasing is fair without counting the frontier.
CREATE TABLE lanes (
    seed_id   INTEGER NOT NULL REFERENCES seeds (id),
    host      TEXT    NOT NULL,
    waiting   INTEGER NOT NULL,
    ready_at  REAL    NOT NULL,
    served_at REAL    NOT NULL DEFAULT 0,
    PRIMARY KEY (seed_id, host)
) WITHOUT ROWID;
CREATE INDEX lanes_next ON lanes (served_at, seed_id DESC) WHERE waiting > 0;
"""

RECRAWL: Final = """
ALTER TABLE images ADD COLUMN medium TEXT;

ALTER TABLE seeds ADD COLUMN documents INTEGER NOT NULL DEFAULT 0;      -- those that crawl.max_documents bounds
ALTER TABLE seeds ADD COLUMN crawl INTEGER NOT NULL DEFAULT 1;          -- number of the crawl under way or last done
ALTER TABLE seeds ADD COLUMN recrawl_seconds REAL;                      -- 0 never, NULL nothing said
ALTER TABLE seeds ADD COLUMN recrawl_at REAL;
ALTER TABLE seeds ADD COLUMN rate REAL;                                 -- tasks a second; NULL: the hosts' limits alone
ALTER TABLE seeds ADD COLUMN paced_until REAL NOT NULL DEFAULT 0;
UPDATE seeds SET documents = (SELECT count(*) FROM frontier WHERE seed_id = seeds.id AND kind <> 'image');
CREATE INDEX seeds_recrawl ON seeds (recrawl_at) WHERE recrawl_at IS NOT NULL;

ALTER TABLE frontier ADD COLUMN parent_id INTEGER;                      -- the document that it was found in first
ALTER TABLE frontier ADD COLUMN crawl INTEGER NOT NULL DEFAULT 1;       -- the crawl that asked for it last
ALTER TABLE frontier ADD COLUMN recheck INTEGER NOT NULL DEFAULT 0;     -- it has been had before
ALTER TABLE frontier ADD COLUMN revision TEXT;
ALTER TABLE frontier ADD COLUMN etag TEXT;
ALTER TABLE frontier ADD COLUMN last_modified TEXT;
ALTER TABLE frontier ADD COLUMN checkpoint TEXT;                       -- what the last complete expansion left
ALTER TABLE frontier ADD COLUMN next_checkpoint TEXT;                  -- what the one under way will leave
CREATE INDEX frontier_children ON frontier (parent_id) WHERE parent_id IS NOT NULL;
"""

BLOCKS: Final = """
-- What must never come in, or come back.
CREATE TABLE blocks (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,                        -- sha256, phash, host, url
    value      TEXT NOT NULL,                        -- hexadecimal; a host with all below it; a pattern with *
    reason     TEXT,
    created_at REAL NOT NULL,
    applied    INTEGER NOT NULL DEFAULT 0,           -- what it matches has been removed, up to the last of it
    UNIQUE (kind, value)
);

-- The block that took an image out. With none a removed image was withdrawn, and comes back with its bytes.
ALTER TABLE images ADD COLUMN removed_by INTEGER REFERENCES blocks (id) ON DELETE SET NULL;
CREATE INDEX images_removed_by ON images (removed_by) WHERE removed_by IS NOT NULL;

-- Contents whose thumbnails are still to be deleted from the disk, written with what removed or refused them.
CREATE TABLE clearing (sha256 BLOB PRIMARY KEY) WITHOUT ROWID;
"""

NEAR_DUPLICATES: Final = """
ALTER TABLE images ADD COLUMN near_group INTEGER;    -- the first image of those that show the same picture
CREATE INDEX images_near_group ON images (near_group) WHERE near_group IS NOT NULL;

-- Of images that are there and show enough to be told from others.
CREATE TABLE fingerprints (
    image_id  INTEGER PRIMARY KEY REFERENCES images (id),
    phash     INTEGER NOT NULL,                      -- 64 bits, two's complement
    signature BLOB    NOT NULL                       -- int8: 256 of light, 32 of colour
);
-- Hashes that differ in three bits agree in at least one of four bands. Each holds all that a look-up reads.
CREATE INDEX fingerprints_1 ON fingerprints ((phash >> 48) & 65535, phash);
CREATE INDEX fingerprints_2 ON fingerprints ((phash >> 32) & 65535, phash);
CREATE INDEX fingerprints_3 ON fingerprints ((phash >> 16) & 65535, phash);
CREATE INDEX fingerprints_4 ON fingerprints (phash & 65535, phash);
"""

TEXTS: Final = """
-- What is said of images, for search by words (https://sqlite.org/fts5.html). The index holds no texts itself.
CREATE VIEW image_texts AS SELECT id, title, creator, medium, attribution FROM images
WHERE coalesce(title, creator, medium, attribution) IS NOT NULL;
CREATE VIRTUAL TABLE texts USING fts5(
    title, creator, medium, attribution,
    content = 'image_texts', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
INSERT INTO texts (texts) VALUES ('rebuild');

-- Texts as they are in the index, of images whose texts this transaction has changed. Empty between transactions.
-- Triggers cannot write to the index itself: to SQLite before 3.41 that is unsafe where trusted_schema is off.
CREATE TABLE texts_stale (
    image_id    INTEGER PRIMARY KEY,
    title       TEXT,
    creator     TEXT,
    medium      TEXT,
    attribution TEXT
);
CREATE TRIGGER images_texts_insert AFTER INSERT ON images
WHEN coalesce(new.title, new.creator, new.medium, new.attribution) IS NOT NULL
BEGIN
    INSERT OR IGNORE INTO texts_stale (image_id) VALUES (new.id);
END;
CREATE TRIGGER images_texts_update AFTER UPDATE OF title, creator, medium, attribution ON images
WHEN new.title IS NOT old.title OR new.creator IS NOT old.creator
  OR new.medium IS NOT old.medium OR new.attribution IS NOT old.attribution
BEGIN
    INSERT OR IGNORE INTO texts_stale VALUES (old.id, old.title, old.creator, old.medium, old.attribution);
END;
CREATE TRIGGER images_texts_delete AFTER DELETE ON images
BEGIN
    INSERT OR IGNORE INTO texts_stale VALUES (old.id, old.title, old.creator, old.medium, old.attribution);
END;
"""

INDEX_TEXTS: Final = (
    "INSERT INTO texts (texts, rowid, title, creator, medium, attribution) "
    "SELECT 'delete', image_id, title, creator, medium, attribution FROM texts_stale "
    "WHERE coalesce(title, creator, medium, attribution) IS NOT NULL",
    "INSERT INTO texts (rowid, title, creator, medium, attribution) "
    "SELECT id, title, creator, medium, attribution FROM image_texts "
    "WHERE id IN (SELECT image_id FROM texts_stale) ORDER BY id",
    "DELETE FROM texts_stale",
)
"""Brings the index of words into step, before a transaction ends. Each statement on its own, in this order."""

FACET_INDEXES: Final = """
CREATE INDEX facets_source ON facets (source);
CREATE INDEX facets_host ON facets (host);
CREATE INDEX facets_creator ON facets (creator) WHERE creator IS NOT NULL;
CREATE INDEX facets_rights ON facets (rights) WHERE rights IS NOT NULL;
CREATE INDEX facets_years ON facets (year_from, year_to) WHERE year_from IS NOT NULL;
CREATE INDEX facets_color ON facets (color_cell, lightness, a, b) WHERE color_cell IS NOT NULL;
"""
"""The same on every engine."""

FILTERS: Final = (
    """
-- What filters ask of the images that are there, in rows so short that reading all of them is cheap.
CREATE TABLE facet_terms (
    id    INTEGER PRIMARY KEY,
    facet TEXT NOT NULL,                             -- source, host, creator, rights
    term  TEXT NOT NULL,                             -- see facets.py for how each is spelled
    UNIQUE (facet, term)
);
CREATE TABLE facets (
    image_id   INTEGER PRIMARY KEY,
    source     INTEGER NOT NULL REFERENCES facet_terms (id),
    host       INTEGER NOT NULL REFERENCES facet_terms (id),
    creator    INTEGER REFERENCES facet_terms (id),
    rights     INTEGER REFERENCES facet_terms (id),
    year_from  INTEGER,                              -- 1 BC is -1
    year_to    INTEGER,
    width      INTEGER NOT NULL,
    height     INTEGER NOT NULL,
    color_cell INTEGER,                              -- see lab.py
    lightness  INTEGER,                              -- this and the next two: CIELAB, in tenths
    a          INTEGER,
    b          INTEGER
);
"""
    + FACET_INDEXES
    + """
-- A word that no image has any more is not kept.
CREATE TRIGGER facets_delete AFTER DELETE ON facets
BEGIN
    UPDATE facets_changed SET times = times + 1;
    DELETE FROM facet_terms WHERE id = old.source AND NOT EXISTS (SELECT 1 FROM facets WHERE source = old.source);
    DELETE FROM facet_terms WHERE id = old.host AND NOT EXISTS (SELECT 1 FROM facets WHERE host = old.host);
    DELETE FROM facet_terms WHERE id = old.creator AND NOT EXISTS (SELECT 1 FROM facets WHERE creator = old.creator);
    DELETE FROM facet_terms WHERE id = old.rights AND NOT EXISTS (SELECT 1 FROM facets WHERE rights = old.rights);
END;

-- Images whose facets are still to be written, and how often those of images that had them, or were passed, changed.
CREATE TABLE facets_due (image_id INTEGER PRIMARY KEY);
CREATE TABLE facets_changed (times INTEGER NOT NULL);
INSERT INTO facets_changed VALUES (0);
INSERT INTO facets_due SELECT id FROM images WHERE removed_at IS NULL;

CREATE TRIGGER images_facets_insert AFTER INSERT ON images WHEN new.removed_at IS NULL
BEGIN
    INSERT OR IGNORE INTO facets_due VALUES (new.id);
END;
CREATE TRIGGER images_facets_update
AFTER UPDATE OF url, width, height, color, source, creator, date, rights, removed_at ON images
WHEN new.removed_at IS NULL AND (new.removed_at IS NOT old.removed_at
  OR new.url IS NOT old.url OR new.width IS NOT old.width OR new.height IS NOT old.height
  OR new.color IS NOT old.color OR new.source IS NOT old.source OR new.creator IS NOT old.creator
  OR new.date IS NOT old.date OR new.rights IS NOT old.rights)
BEGIN
    INSERT OR IGNORE INTO facets_due VALUES (new.id);
END;
CREATE TRIGGER images_facets_remove AFTER UPDATE OF removed_at ON images WHEN new.removed_at IS NOT NULL
BEGIN
    DELETE FROM facets WHERE image_id = new.id;
    DELETE FROM facets_due WHERE image_id = new.id;
END;
CREATE TRIGGER images_facets_delete AFTER DELETE ON images
BEGIN
    DELETE FROM facets WHERE image_id = old.id;
    DELETE FROM facets_due WHERE image_id = old.id;
END;
"""
)

ROOTS: Final = """
-- A seed's root among its millions of rows: each change in a watched folder asks for it while nobody else may write.
CREATE INDEX frontier_roots ON frontier (seed_id) WHERE parent_id IS NULL;
"""

MODELS: Final = """
ALTER TABLE models ADD COLUMN name TEXT;             -- what the settings call it; NULL from before this was kept
ALTER TABLE models ADD COLUMN moving_since REAL;     -- while the collection moves to it
CREATE UNIQUE INDEX models_moving ON models ((moving_since IS NOT NULL)) WHERE moving_since IS NOT NULL;
"""

OUTBOX: Final = """
-- Models whose index is a server of its own: attached while it follows this catalog. The owner tells this catalog's
-- vectors there from those of another.
CREATE TABLE outbox_models (
    model    INTEGER PRIMARY KEY REFERENCES models (id) ON DELETE CASCADE,
    owner    TEXT    NOT NULL,
    attached INTEGER NOT NULL
);
-- What such an index may not have been told yet, in the order in which it happened.
CREATE TABLE outbox (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    model    INTEGER NOT NULL REFERENCES outbox_models (model) ON DELETE CASCADE,
    image_id INTEGER NOT NULL,
    state    TEXT    NOT NULL                        -- embedded, removed; a row that is gone is indexed
);
CREATE INDEX outbox_images ON outbox (model, image_id);
CREATE TRIGGER vectors_outbox_insert AFTER INSERT ON vectors
WHEN EXISTS (SELECT 1 FROM outbox_models WHERE model = new.model AND attached = 1)
BEGIN
    INSERT INTO outbox (model, image_id, state) VALUES (new.model, new.image_id, 'embedded');
END;
CREATE TRIGGER vectors_outbox_delete AFTER DELETE ON vectors
WHEN EXISTS (SELECT 1 FROM outbox_models WHERE model = old.model AND attached = 1)
BEGIN
    INSERT INTO outbox (model, image_id, state) VALUES (old.model, old.image_id, 'removed');
END;
"""

MIGRATIONS: Final[tuple[str, ...]] = (
    COLLECTION + CRAWL,
    RECRAWL,
    BLOCKS,
    NEAR_DUPLICATES,
    TEXTS,
    FILTERS,
    ROOTS,
    MODELS,
    OUTBOX,
)
