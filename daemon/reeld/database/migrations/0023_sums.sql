-- How many files there are, and their bytes and milliseconds, by what a user counts them by: `reeld stats` reads a few
-- thousand rows instead of every file. Triggers keep both tables. '' stands for NULL, since a key has no NULL; a row that
-- nothing is left of stays with zeros. Names of one file count each; what they share is taken off by the reader.
CREATE TABLE file_sums (
    library_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    verdict TEXT NOT NULL,
    kind TEXT NOT NULL,
    year NOT NULL,
    resolution NOT NULL,
    codec_video TEXT NOT NULL,
    hdr TEXT NOT NULL,
    file_count INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    PRIMARY KEY (library_id, state, verdict, kind, year, resolution, codec_video, hdr)
) WITHOUT ROWID;
-- The same by languages. Both in one table would have a row for nearly each file.
CREATE TABLE language_sums (
    library_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    verdict TEXT NOT NULL,
    kind TEXT NOT NULL,
    languages TEXT NOT NULL,
    subtitle_languages TEXT NOT NULL,
    file_count INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    PRIMARY KEY (library_id, state, verdict, kind, languages, subtitle_languages)
) WITHOUT ROWID;
-- The year by which each file was counted: it must be known when the work of the file, or its year, is another already.
CREATE TABLE file_years (
    video_file_id INTEGER NOT NULL PRIMARY KEY,
    year INTEGER
);

-- What these two views are given is counted: 1 adds a file, -1 takes it off. They are read by nobody.
CREATE VIEW counting_files AS SELECT 0 AS file_count, 0 AS library_id, 0 AS state, 0 AS verdict, 0 AS kind, 0 AS year, 0 AS width, 0 AS height, 0 AS codec_video, 0 AS hdr, 0 AS size_bytes, 0 AS duration_ms;
CREATE TRIGGER files_are_counted INSTEAD OF INSERT ON counting_files BEGIN INSERT INTO file_sums VALUES (NEW.library_id, NEW.state, coalesce(NEW.verdict, ''), coalesce(NEW.kind, ''), coalesce(NEW.year, ''), CASE WHEN NEW.width IS NULL OR NEW.height IS NULL THEN '' WHEN NEW.width >= 6000 OR NEW.height >= 3200 THEN 4320 WHEN NEW.width >= 3000 OR NEW.height >= 1620 THEN 2160 WHEN NEW.width >= 2240 OR NEW.height >= 1260 THEN 1440 WHEN NEW.width >= 1600 OR NEW.height >= 900 THEN 1080 WHEN NEW.width >= 1100 OR NEW.height >= 620 THEN 720 WHEN NEW.height > 500 THEN 576 WHEN NEW.width >= 600 OR NEW.height > 380 THEN 480 WHEN NEW.height > 260 THEN 360 ELSE 240 END, coalesce(NEW.codec_video, ''), coalesce(NEW.hdr, ''), NEW.file_count, NEW.file_count * NEW.size_bytes, NEW.file_count * coalesce(NEW.duration_ms, 0)) ON CONFLICT DO UPDATE SET file_count = file_count + excluded.file_count, size_bytes = size_bytes + excluded.size_bytes, duration_ms = duration_ms + excluded.duration_ms; END;
CREATE VIEW counting_languages AS SELECT 0 AS file_count, 0 AS library_id, 0 AS state, 0 AS verdict, 0 AS kind, 0 AS languages, 0 AS subtitle_languages, 0 AS size_bytes, 0 AS duration_ms;
CREATE TRIGGER languages_are_counted INSTEAD OF INSERT ON counting_languages BEGIN INSERT INTO language_sums VALUES (NEW.library_id, NEW.state, coalesce(NEW.verdict, ''), coalesce(NEW.kind, ''), NEW.languages, NEW.subtitle_languages, NEW.file_count, NEW.file_count * NEW.size_bytes, NEW.file_count * coalesce(NEW.duration_ms, 0)) ON CONFLICT DO UPDATE SET file_count = file_count + excluded.file_count, size_bytes = size_bytes + excluded.size_bytes, duration_ms = duration_ms + excluded.duration_ms; END;
-- The year of each file by what is known now: the film's, or that of the series of its first episode.
CREATE VIEW years_now AS SELECT f.id AS video_file_id, CASE f.kind
    WHEN 'movie' THEN (SELECT year FROM movies WHERE movies.id = f.movie_id)
    WHEN 'episode' THEN (
        SELECT series.year FROM episodes JOIN series ON series.id = series_id WHERE episodes.id = (
            SELECT min(episode_id) FROM episode_files INDEXED BY episode_files_video_file_id WHERE video_file_id = f.id
        )
    ) END AS year FROM video_files AS f;
CREATE TRIGGER files_added_to_sums AFTER INSERT ON video_files BEGIN INSERT INTO file_years SELECT video_file_id, year FROM years_now WHERE video_file_id = NEW.id; INSERT INTO counting_files VALUES (1, NEW.library_id, NEW.state, NEW.verdict, NEW.kind, (SELECT year FROM file_years WHERE video_file_id = NEW.id), NEW.resolution_width, NEW.resolution_height, NEW.codec_video, NEW.hdr, NEW.size_bytes, NEW.duration_ms); INSERT INTO counting_languages VALUES (1, NEW.library_id, NEW.state, NEW.verdict, NEW.kind, NEW.languages, NEW.subtitle_languages, NEW.size_bytes, NEW.duration_ms); END;
CREATE TRIGGER files_gone_from_sums AFTER DELETE ON video_files BEGIN INSERT INTO counting_files VALUES (-1, OLD.library_id, OLD.state, OLD.verdict, OLD.kind, (SELECT year FROM file_years WHERE video_file_id = OLD.id), OLD.resolution_width, OLD.resolution_height, OLD.codec_video, OLD.hdr, OLD.size_bytes, OLD.duration_ms); INSERT INTO counting_languages VALUES (-1, OLD.library_id, OLD.state, OLD.verdict, OLD.kind, OLD.languages, OLD.subtitle_languages, OLD.size_bytes, OLD.duration_ms); DELETE FROM file_years WHERE video_file_id = OLD.id; END;
-- The statements run in this order: it is taken off by the year that it was counted by.
CREATE TRIGGER files_changed_in_sums AFTER UPDATE OF library_id, state, verdict, kind, movie_id, resolution_width, resolution_height, codec_video, hdr, size_bytes, duration_ms ON video_files WHEN (OLD.library_id, OLD.state, OLD.verdict, OLD.kind, OLD.movie_id, OLD.resolution_width, OLD.resolution_height, OLD.codec_video, OLD.hdr, OLD.size_bytes, OLD.duration_ms) IS NOT (NEW.library_id, NEW.state, NEW.verdict, NEW.kind, NEW.movie_id, NEW.resolution_width, NEW.resolution_height, NEW.codec_video, NEW.hdr, NEW.size_bytes, NEW.duration_ms) BEGIN INSERT INTO counting_files VALUES (-1, OLD.library_id, OLD.state, OLD.verdict, OLD.kind, (SELECT year FROM file_years WHERE video_file_id = OLD.id), OLD.resolution_width, OLD.resolution_height, OLD.codec_video, OLD.hdr, OLD.size_bytes, OLD.duration_ms); UPDATE file_years SET year = (SELECT year FROM years_now WHERE video_file_id = NEW.id) WHERE video_file_id = NEW.id AND (OLD.kind, OLD.movie_id) IS NOT (NEW.kind, NEW.movie_id); INSERT INTO counting_files VALUES (1, NEW.library_id, NEW.state, NEW.verdict, NEW.kind, (SELECT year FROM file_years WHERE video_file_id = NEW.id), NEW.resolution_width, NEW.resolution_height, NEW.codec_video, NEW.hdr, NEW.size_bytes, NEW.duration_ms); END;
CREATE TRIGGER languages_changed_in_sums AFTER UPDATE OF library_id, state, verdict, kind, languages, subtitle_languages, size_bytes, duration_ms ON video_files WHEN (OLD.library_id, OLD.state, OLD.verdict, OLD.kind, OLD.languages, OLD.subtitle_languages, OLD.size_bytes, OLD.duration_ms) IS NOT (NEW.library_id, NEW.state, NEW.verdict, NEW.kind, NEW.languages, NEW.subtitle_languages, NEW.size_bytes, NEW.duration_ms) BEGIN INSERT INTO counting_languages VALUES (-1, OLD.library_id, OLD.state, OLD.verdict, OLD.kind, OLD.languages, OLD.subtitle_languages, OLD.size_bytes, OLD.duration_ms); INSERT INTO counting_languages VALUES (1, NEW.library_id, NEW.state, NEW.verdict, NEW.kind, NEW.languages, NEW.subtitle_languages, NEW.size_bytes, NEW.duration_ms); END;
-- What this view is given is the id of a file whose year may be another now.
CREATE VIEW checking_years AS SELECT 0 AS video_file_id;
CREATE TRIGGER years_are_checked INSTEAD OF INSERT ON checking_years WHEN (SELECT year FROM file_years WHERE video_file_id = NEW.video_file_id) IS NOT (SELECT year FROM years_now WHERE video_file_id = NEW.video_file_id) BEGIN INSERT INTO counting_files SELECT -1, f.library_id, f.state, f.verdict, f.kind, (SELECT year FROM file_years WHERE video_file_id = f.id), f.resolution_width, f.resolution_height, f.codec_video, f.hdr, f.size_bytes, f.duration_ms FROM video_files AS f WHERE f.id = NEW.video_file_id; UPDATE file_years SET year = (SELECT year FROM years_now WHERE video_file_id = NEW.video_file_id) WHERE video_file_id = NEW.video_file_id; INSERT INTO counting_files SELECT 1, f.library_id, f.state, f.verdict, f.kind, (SELECT year FROM file_years WHERE video_file_id = f.id), f.resolution_width, f.resolution_height, f.codec_video, f.hdr, f.size_bytes, f.duration_ms FROM video_files AS f WHERE f.id = NEW.video_file_id; END;
CREATE TRIGGER links_added_to_sums AFTER INSERT ON episode_files BEGIN INSERT INTO checking_years VALUES (NEW.video_file_id); END;
CREATE TRIGGER links_gone_from_sums AFTER DELETE ON episode_files BEGIN INSERT INTO checking_years VALUES (OLD.video_file_id); END;
CREATE TRIGGER links_changed_in_sums AFTER UPDATE ON episode_files BEGIN INSERT INTO checking_years VALUES (OLD.video_file_id); INSERT INTO checking_years VALUES (NEW.video_file_id); END;
CREATE TRIGGER episodes_changed_in_sums AFTER UPDATE OF series_id ON episodes WHEN NEW.series_id <> OLD.series_id BEGIN INSERT INTO checking_years SELECT video_file_id FROM episode_files WHERE episode_id = NEW.id; END;
CREATE TRIGGER movies_changed_in_sums AFTER UPDATE OF year ON movies WHEN NEW.year IS NOT OLD.year BEGIN INSERT INTO checking_years SELECT id FROM video_files WHERE movie_id = NEW.id; END;
CREATE TRIGGER series_changed_in_sums AFTER UPDATE OF year ON series WHEN NEW.year IS NOT OLD.year BEGIN INSERT INTO checking_years SELECT video_file_id FROM episodes JOIN episode_files ON episode_id = episodes.id WHERE series_id = NEW.id; END;
-- All that is there already.
INSERT INTO file_years SELECT video_file_id, year FROM years_now;
INSERT INTO file_sums SELECT library_id, state, coalesce(verdict, ''), coalesce(kind, ''), coalesce(year, ''), CASE WHEN f.resolution_width IS NULL OR f.resolution_height IS NULL THEN '' WHEN f.resolution_width >= 6000 OR f.resolution_height >= 3200 THEN 4320 WHEN f.resolution_width >= 3000 OR f.resolution_height >= 1620 THEN 2160 WHEN f.resolution_width >= 2240 OR f.resolution_height >= 1260 THEN 1440 WHEN f.resolution_width >= 1600 OR f.resolution_height >= 900 THEN 1080 WHEN f.resolution_width >= 1100 OR f.resolution_height >= 620 THEN 720 WHEN f.resolution_height > 500 THEN 576 WHEN f.resolution_width >= 600 OR f.resolution_height > 380 THEN 480 WHEN f.resolution_height > 260 THEN 360 ELSE 240 END, coalesce(codec_video, ''), coalesce(hdr, ''), count(*), sum(size_bytes), sum(coalesce(duration_ms, 0)) FROM video_files AS f JOIN file_years ON video_file_id = f.id GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
INSERT INTO language_sums SELECT library_id, state, coalesce(verdict, ''), coalesce(kind, ''), languages, subtitle_languages, count(*), sum(size_bytes), sum(coalesce(duration_ms, 0)) FROM video_files GROUP BY 1, 2, 3, 4, 5, 6;
-- Which files have several names? Stats take off what they share.
CREATE INDEX video_files_linked ON video_files (device, inode) WHERE links > 1;
