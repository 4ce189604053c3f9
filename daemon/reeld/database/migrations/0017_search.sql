-- The search index: the words of titles, and of the names of files that are not identified..
-- A row is that of the table that it speaks of. Its columns keep the spellings of a title apart: words that stand side by
-- side in a query must do so in one of them.
CREATE VIRTUAL TABLE movie_words USING fts5(words, parted, joined, other, prefix='2 3');
CREATE VIRTUAL TABLE series_words USING fts5(words, parted, joined, other, prefix='2 3');
CREATE VIRTUAL TABLE episode_words USING fts5(words, parted, joined, other, prefix='2 3');
CREATE VIRTUAL TABLE file_words USING fts5(words, parted, joined, other, prefix='2 3');
-- The words of the index, for typos.
CREATE VIRTUAL TABLE movie_vocabulary USING fts5vocab(movie_words, row);
CREATE VIRTUAL TABLE series_vocabulary USING fts5vocab(series_words, row);
CREATE VIRTUAL TABLE episode_vocabulary USING fts5vocab(episode_words, row);
-- Rows whose words are to be put into the index, changed there, or taken out.
CREATE TABLE search_queue (
    kind TEXT NOT NULL,
    row_id INTEGER NOT NULL,
    PRIMARY KEY (kind, row_id)
) WITHOUT ROWID;
CREATE TRIGGER movies_added_to_search AFTER INSERT ON movies BEGIN INSERT OR IGNORE INTO search_queue VALUES ('movie', NEW.id); END;
CREATE TRIGGER movies_changed_in_search AFTER UPDATE OF title, original_title ON movies BEGIN INSERT OR IGNORE INTO search_queue VALUES ('movie', NEW.id); END;
CREATE TRIGGER movies_gone_from_search AFTER DELETE ON movies BEGIN INSERT OR IGNORE INTO search_queue VALUES ('movie', OLD.id); END;
CREATE TRIGGER series_added_to_search AFTER INSERT ON series BEGIN INSERT OR IGNORE INTO search_queue VALUES ('series', NEW.id); END;
CREATE TRIGGER series_changed_in_search AFTER UPDATE OF title, original_title ON series BEGIN INSERT OR IGNORE INTO search_queue VALUES ('series', NEW.id); END;
CREATE TRIGGER series_gone_from_search AFTER DELETE ON series BEGIN INSERT OR IGNORE INTO search_queue VALUES ('series', OLD.id); END;
CREATE TRIGGER episodes_added_to_search AFTER INSERT ON episodes WHEN NEW.title IS NOT NULL BEGIN INSERT OR IGNORE INTO search_queue VALUES ('episode', NEW.id); END;
CREATE TRIGGER episodes_changed_in_search AFTER UPDATE OF title ON episodes WHEN NEW.title IS NOT OLD.title BEGIN INSERT OR IGNORE INTO search_queue VALUES ('episode', NEW.id); END;
CREATE TRIGGER episodes_gone_from_search AFTER DELETE ON episodes WHEN OLD.title IS NOT NULL BEGIN INSERT OR IGNORE INTO search_queue VALUES ('episode', OLD.id); END;
CREATE TRIGGER files_added_to_search AFTER INSERT ON video_files WHEN NEW.verdict <> 'accepted' BEGIN INSERT OR IGNORE INTO search_queue VALUES ('file', NEW.id); END;
CREATE TRIGGER files_changed_in_search AFTER UPDATE OF verdict, path ON video_files WHEN (NEW.verdict <> 'accepted' OR OLD.verdict <> 'accepted') AND (NEW.verdict IS NOT OLD.verdict OR NEW.path IS NOT OLD.path) BEGIN INSERT OR IGNORE INTO search_queue VALUES ('file', NEW.id); END;
CREATE TRIGGER files_gone_from_search AFTER DELETE ON video_files WHEN OLD.verdict <> 'accepted' BEGIN INSERT OR IGNORE INTO search_queue VALUES ('file', OLD.id); END;
INSERT INTO search_queue SELECT 'movie', id FROM movies;
INSERT INTO search_queue SELECT 'series', id FROM series;
INSERT INTO search_queue SELECT 'episode', id FROM episodes WHERE title IS NOT NULL;
INSERT INTO search_queue SELECT 'file', id FROM video_files WHERE verdict <> 'accepted';
-- What titles are sorted by: numbers in them by their size. It is filled together with the search index.
ALTER TABLE movies ADD COLUMN sort_key TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN sort_key TEXT NOT NULL DEFAULT '';
CREATE INDEX movies_sort_key_year ON movies (sort_key, year);
CREATE INDEX series_sort_key_year ON series (sort_key, year);
-- All that a query asks of a file lies in one index: a scan of it answers any filter without reading the rows.
CREATE INDEX video_files_facts ON video_files (
    first_seen_at, state, verdict, library_id, kind, movie_id, codec_video, resolution_width, resolution_height, hdr,
    size_bytes, duration_ms, languages, subtitle_languages, links
);
-- The few files that have these.
CREATE INDEX video_files_edition ON video_files (edition) WHERE edition IS NOT NULL;
CREATE INDEX video_files_media_problem ON video_files (id) WHERE media_problem IS NOT NULL;
-- Files whose full hash is not known, by what may make them copies.
CREATE INDEX video_files_unhashed ON video_files (size_bytes, fingerprint) WHERE file_hash IS NULL AND fingerprint IS NOT NULL;
