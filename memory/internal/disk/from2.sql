-- Brings a store of version 2 to version 3.

-- Phrases are looked for in the texts of whoever asks: the index of all texts goes.
DROP TABLE words;

-- Rows that an import has written that has not come to its end, by slice.
CREATE TABLE imports (
    import INTEGER NOT NULL,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL
) STRICT;

-- Hashed vectors were likeness of letters, which nothing was found by any more.
DELETE FROM vectors WHERE (SELECT model LIKE 'hashed-v1-%' FROM store);
DELETE FROM revectors WHERE (SELECT model LIKE 'hashed-v1-%' OR remodel LIKE 'hashed-v1-%' FROM store);
UPDATE store SET remodel = '', redim = 0 WHERE remodel LIKE 'hashed-v1-%';
UPDATE store SET model = 'none', dim = 0 WHERE model LIKE 'hashed-v1-%';
