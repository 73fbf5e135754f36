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

MIGRATIONS: Final[tuple[str, ...]] = (COLLECTION + CRAWL,)
