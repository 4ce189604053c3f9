-- A catalogue of schema 8, as reeld wrote it then. tests/database/test_schema_8.py says how it was made.
BEGIN TRANSACTION;
CREATE TABLE catalog_health (
    id INTEGER NOT NULL PRIMARY KEY,
    is_open INTEGER NOT NULL DEFAULT 1,
    checked_at TEXT
);
INSERT INTO "catalog_health" VALUES(1,0,'2026-11-30T15:54:12.645Z');
CREATE TABLE episode_files (
    episode_id INTEGER NOT NULL,
    video_file_id INTEGER NOT NULL,
    PRIMARY KEY (episode_id, video_file_id),
    FOREIGN KEY (episode_id) REFERENCES episodes (id) ON DELETE RESTRICT,
    FOREIGN KEY (video_file_id) REFERENCES video_files (id) ON DELETE RESTRICT
);
INSERT INTO "episode_files" VALUES(1,15);
INSERT INTO "episode_files" VALUES(2,16);
INSERT INTO "episode_files" VALUES(3,16);
INSERT INTO "episode_files" VALUES(4,17);
INSERT INTO "episode_files" VALUES(5,18);
CREATE TABLE episodes (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    series_id INTEGER NOT NULL,
    season_number INTEGER,
    episode_number INTEGER,
    absolute_number INTEGER,
    air_date TEXT,
    title TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    FOREIGN KEY (series_id) REFERENCES series (id) ON DELETE RESTRICT
);
INSERT INTO "episodes" VALUES(1,1,0,1,NULL,NULL,NULL,'2026-11-30T15:53:36.810Z','2026-11-30T15:53:36.810Z');
INSERT INTO "episodes" VALUES(2,1,1,1,NULL,NULL,NULL,'2026-11-30T15:53:36.811Z','2026-11-30T15:53:36.811Z');
INSERT INTO "episodes" VALUES(3,1,1,2,NULL,NULL,NULL,'2026-11-30T15:53:36.811Z','2026-11-30T15:53:36.811Z');
INSERT INTO "episodes" VALUES(4,1,1,3,NULL,NULL,NULL,'2026-11-30T15:53:36.821Z','2026-11-30T15:53:36.821Z');
INSERT INTO "episodes" VALUES(5,2,NULL,NULL,NULL,'2015-07-01',NULL,'2026-11-30T15:53:36.825Z','2026-11-30T15:53:36.825Z');
CREATE TABLE file_history (
    id INTEGER NOT NULL PRIMARY KEY,
    video_file_id INTEGER NOT NULL,
    happened_at TEXT NOT NULL,
    event TEXT NOT NULL,
    library_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    library_id_before INTEGER,
    path_before TEXT,
    evidence TEXT NOT NULL, content_before TEXT,
    FOREIGN KEY (video_file_id) REFERENCES video_files (id) ON DELETE CASCADE
);
INSERT INTO "file_history" VALUES(1,3,'2026-11-30T15:54:24.949Z','moved',1,'Stalker.mkv',1,'DSC_0042.mkv','["the same inode 2687103, device, size and time", "the old path is not this file any more, in a library that can be looked at"]',NULL);
INSERT INTO "file_history" VALUES(2,9,'2026-11-30T15:54:25.235Z','replaced',1,'Solaris (1972).mkv',NULL,NULL,'["its place holds the inode 2687102 instead of 2687106"]','{"size_bytes": 1309, "mtime_ns": 1796054014269448180, "ctime_ns": 1796054014269448180, "inode": 2687106, "device": 65024, "fingerprint": "28ebc983e9f29761", "oshash": null, "file_hash": "38415819815a705e87e1abe04d47d503", "container": "matroska", "duration_ms": 1088, "resolution_width": 64, "resolution_height": 48, "codec_video": "mpeg4", "codec_audio": "aac", "hdr": null, "languages": "[\"en\"]", "subtitle_languages": "[]", "media_problem": null, "completeness": "{\"quiet_s\":0.2,\"writer\":\"none\",\"holes\":\"none\",\"end\":\"there\"}", "is_in_doubt": 0, "changed_at": "2026-11-30T15:53:35.536Z", "missing_since": null}');
INSERT INTO "file_history" VALUES(3,8,'2026-11-30T15:54:25.245Z','missing',1,'Gone (2001).mkv',NULL,NULL,'["it is not in its folder any more, in a library that can be looked at"]',NULL);
CREATE TABLE jobs (
    id INTEGER NOT NULL PRIMARY KEY,
    video_file_id INTEGER NOT NULL,
    stage TEXT NOT NULL,
    lane TEXT NOT NULL,
    state TEXT NOT NULL,
    token TEXT,
    due_at_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    last_error TEXT,
    created_at TEXT NOT NULL, is_denied INTEGER NOT NULL DEFAULT 0, hash_progress TEXT, awaited_until_ms INTEGER,
    FOREIGN KEY (video_file_id) REFERENCES video_files (id) ON DELETE CASCADE
);
INSERT INTO "jobs" VALUES(6,6,'fingerprint','light','set_aside',NULL,1796054052550,3,'/tmp/schema8/w/disks/Films/Denied (1999).mkv cannot be read (Permission denied); give the user that runs reeld the right to read it','2026-11-30T15:53:35.535Z',1,NULL,NULL);
CREATE TABLE libraries (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT,
    checked_at TEXT,
    passport TEXT, is_accepted INTEGER NOT NULL DEFAULT 0);
INSERT INTO "libraries" VALUES(1,'Films','/tmp/schema8/w/disks/Films','auto','online',NULL,'2026-11-30T15:54:26.407Z','{"real_path":"/tmp/schema8/w/disks/Films","device":65024,"inode":2687095,"fs_id":17911830314026704340,"fs_type":"ext4","source":"/dev/vda","is_mount_point":false,"below":{},"file_count":13}',0);
INSERT INTO "libraries" VALUES(2,'Shows','/tmp/schema8/w/disks/Shows','auto','online',NULL,'2026-11-30T15:54:26.414Z','{"real_path":"/tmp/schema8/w/disks/Shows","device":65024,"inode":2687110,"fs_id":17911830314026704340,"fs_type":"ext4","source":"/dev/vda","is_mount_point":false,"below":{},"file_count":5}',0);
INSERT INTO "libraries" VALUES(3,'Old','/tmp/schema8/w/disks/Old','auto','suspect','/tmp/schema8/w/disks/Old is not what it was: it is another directory: its inode is another one; of 2 known files 0 are there as they were; connect the disk, or, if what is there now is all there is, say so with `reeld libraries accept Old`','2026-11-30T15:54:26.426Z','{"real_path":"/tmp/schema8/w/disks/Old","device":65024,"inode":2687121,"fs_id":17911830314026704340,"fs_type":"ext4","source":"/dev/vda","is_mount_point":false,"file_count":2,"below":{},"instead":{"real_path":"/tmp/schema8/w/disks/Old","device":65024,"inode":2695564,"fs_id":17911830314026704340,"fs_type":"ext4","source":"/dev/vda","is_mount_point":false,"below":{}}}',0);
INSERT INTO "libraries" VALUES(4,'Full','/tmp/schema8/w/disks/Full','auto','held','23 of 25 files are gone at once, and none of them is called missing yet; bring them back, or say that they are really gone with `reeld libraries accept Full`','2026-11-30T15:54:26.445Z','{"real_path":"/tmp/schema8/w/disks/Full","device":65024,"inode":2687124,"fs_id":17911830314026704340,"fs_type":"ext4","source":"/dev/vda","is_mount_point":false,"below":{},"file_count":25}',0);
CREATE TABLE movies (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    title_key TEXT NOT NULL,
    original_title TEXT,
    year INTEGER,
    tmdb_id INTEGER,
    tvdb_id INTEGER,
    imdb_id TEXT,
    genres TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
INSERT INTO "movies" VALUES(2,'Denied','denied',NULL,1999,NULL,NULL,NULL,'[]','2026-11-30T15:53:36.658Z','2026-11-30T15:53:36.658Z');
INSERT INTO "movies" VALUES(4,'Gone','gone',NULL,2001,NULL,NULL,NULL,'[]','2026-11-30T15:53:36.700Z','2026-11-30T15:53:36.700Z');
INSERT INTO "movies" VALUES(5,'Solaris','solaris',NULL,1972,NULL,NULL,NULL,'[]','2026-11-30T15:53:36.722Z','2026-11-30T15:53:36.722Z');
INSERT INTO "movies" VALUES(7,'Heat','heat',NULL,1995,NULL,NULL,NULL,'[]','2026-11-30T15:53:36.778Z','2026-11-30T15:53:36.778Z');
INSERT INTO "movies" VALUES(8,'Alien','alien',NULL,1979,NULL,NULL,NULL,'[]','2026-11-30T15:53:36.881Z','2026-11-30T15:53:36.881Z');
INSERT INTO "movies" VALUES(9,'Aliens','aliens',NULL,1986,NULL,NULL,NULL,'[]','2026-11-30T15:53:36.895Z','2026-11-30T15:53:36.895Z');
INSERT INTO "movies" VALUES(10,'Film 50','film50',NULL,1950,NULL,NULL,NULL,'[]','2026-11-30T15:53:36.930Z','2026-11-30T15:53:36.930Z');
INSERT INTO "movies" VALUES(11,'Film 51','film51',NULL,1951,NULL,NULL,NULL,'[]','2026-11-30T15:53:36.955Z','2026-11-30T15:53:36.955Z');
INSERT INTO "movies" VALUES(12,'Film 52','film52',NULL,1952,NULL,NULL,NULL,'[]','2026-11-30T15:53:36.983Z','2026-11-30T15:53:36.983Z');
INSERT INTO "movies" VALUES(13,'Film 53','film53',NULL,1953,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.011Z','2026-11-30T15:53:37.011Z');
INSERT INTO "movies" VALUES(14,'Film 54','film54',NULL,1954,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.035Z','2026-11-30T15:53:37.035Z');
INSERT INTO "movies" VALUES(15,'Film 55','film55',NULL,1955,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.049Z','2026-11-30T15:53:37.049Z');
INSERT INTO "movies" VALUES(16,'Film 56','film56',NULL,1956,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.081Z','2026-11-30T15:53:37.081Z');
INSERT INTO "movies" VALUES(17,'Film 57','film57',NULL,1957,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.094Z','2026-11-30T15:53:37.094Z');
INSERT INTO "movies" VALUES(18,'Film 58','film58',NULL,1958,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.130Z','2026-11-30T15:53:37.130Z');
INSERT INTO "movies" VALUES(19,'Film 59','film59',NULL,1959,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.160Z','2026-11-30T15:53:37.160Z');
INSERT INTO "movies" VALUES(20,'Film 60','film60',NULL,1960,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.215Z','2026-11-30T15:53:37.215Z');
INSERT INTO "movies" VALUES(21,'Film 61','film61',NULL,1961,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.246Z','2026-11-30T15:53:37.246Z');
INSERT INTO "movies" VALUES(22,'Film 62','film62',NULL,1962,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.271Z','2026-11-30T15:53:37.271Z');
INSERT INTO "movies" VALUES(23,'Film 63','film63',NULL,1963,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.326Z','2026-11-30T15:53:37.326Z');
INSERT INTO "movies" VALUES(24,'Film 64','film64',NULL,1964,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.358Z','2026-11-30T15:53:37.358Z');
INSERT INTO "movies" VALUES(25,'Film 65','film65',NULL,1965,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.376Z','2026-11-30T15:53:37.376Z');
INSERT INTO "movies" VALUES(26,'Film 66','film66',NULL,1966,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.425Z','2026-11-30T15:53:37.425Z');
INSERT INTO "movies" VALUES(27,'Film 67','film67',NULL,1967,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.442Z','2026-11-30T15:53:37.442Z');
INSERT INTO "movies" VALUES(28,'Film 68','film68',NULL,1968,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.525Z','2026-11-30T15:53:37.525Z');
INSERT INTO "movies" VALUES(29,'Film 69','film69',NULL,1969,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.603Z','2026-11-30T15:53:37.603Z');
INSERT INTO "movies" VALUES(30,'Film 70','film70',NULL,1970,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.637Z','2026-11-30T15:53:37.637Z');
INSERT INTO "movies" VALUES(31,'Film 71','film71',NULL,1971,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.661Z','2026-11-30T15:53:37.661Z');
INSERT INTO "movies" VALUES(32,'Film 72','film72',NULL,1972,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.700Z','2026-11-30T15:53:37.700Z');
INSERT INTO "movies" VALUES(33,'Film 73','film73',NULL,1973,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.726Z','2026-11-30T15:53:37.726Z');
INSERT INTO "movies" VALUES(34,'Film 74','film74',NULL,1974,NULL,NULL,NULL,'[]','2026-11-30T15:53:37.752Z','2026-11-30T15:53:37.752Z');
INSERT INTO "movies" VALUES(35,'Stalker','stalker',NULL,1979,NULL,NULL,NULL,'[]','2026-11-30T15:54:16.539Z','2026-11-30T15:54:16.539Z');
INSERT INTO "movies" VALUES(36,'12 Monkeys','12monkeys',NULL,1995,NULL,NULL,NULL,'[]','2026-11-30T15:54:21.893Z','2026-11-30T15:54:21.893Z');
INSERT INTO "movies" VALUES(37,'Jodorowsky''s Dune','jodorowskysdune',NULL,2013,NULL,NULL,NULL,'[]','2026-11-30T15:54:23.709Z','2026-11-30T15:54:23.709Z');
CREATE TABLE pending_validations (
    id INTEGER NOT NULL PRIMARY KEY,
    video_file_id INTEGER NOT NULL,
    candidates TEXT NOT NULL,
    reason TEXT NOT NULL,
    auto_validated INTEGER NOT NULL,
    validation_status TEXT NOT NULL,
    selected_candidate_id INTEGER,
    created_at TEXT NOT NULL,
    resolved_at TEXT,
    FOREIGN KEY (video_file_id) REFERENCES video_files (id) ON DELETE RESTRICT
);
INSERT INTO "pending_validations" VALUES(1,1,'[{"id":1,"kind":"movie","title":"Am\udce9lie","year":2001,"country":null,"season_number":null,"episode_numbers":[],"absolute_numbers":[],"air_date":null,"episode_title":null,"edition":null,"part":null,"tmdb_id":null,"tvdb_id":null,"imdb_id":null,"tvmaze_id":null,"score":0.75,"evidence":["the name has the title ''Am\\udce9lie'' and the year 2001","guessit reads the same title","guessit reads the same year","against: the title holds bytes that are not UTF-8"]}]','the title holds bytes that are not UTF-8',0,'pending',NULL,'2026-11-30T15:53:35.645Z',NULL);
INSERT INTO "pending_validations" VALUES(2,3,'[{"id":1,"kind":"episode","title":"DSC","year":null,"country":null,"season_number":0,"episode_numbers":[42],"absolute_numbers":[],"air_date":null,"episode_title":null,"edition":null,"part":null,"tmdb_id":null,"tvdb_id":null,"imdb_id":null,"tvmaze_id":null,"score":0.45000000000000007,"evidence":["the name has the words ''DSC 0042''","against: guessit alone sees an episode''s number"]}]','guessit alone sees an episode''s number; nobody else confirms the title; nobody else confirms the episode''s number',0,'validated',NULL,'2026-11-30T15:53:36.585Z','2026-11-30T15:54:16.539Z');
INSERT INTO "pending_validations" VALUES(3,4,'[{"id":1,"kind":"episode","title":"DSC","year":null,"country":null,"season_number":0,"episode_numbers":[43],"absolute_numbers":[],"air_date":null,"episode_title":null,"edition":null,"part":null,"tmdb_id":null,"tvdb_id":null,"imdb_id":null,"tvmaze_id":null,"score":0.45000000000000007,"evidence":["the name has the words ''DSC 0043''","against: guessit alone sees an episode''s number"]}]','guessit alone sees an episode''s number; nobody else confirms the title; nobody else confirms the episode''s number',0,'rejected',NULL,'2026-11-30T15:53:36.592Z','2026-11-30T15:54:18.961Z');
INSERT INTO "pending_validations" VALUES(4,5,'[{"id":1,"kind":"episode","title":"DSC","year":null,"country":null,"season_number":0,"episode_numbers":[44],"absolute_numbers":[],"air_date":null,"episode_title":null,"edition":null,"part":null,"tmdb_id":null,"tvdb_id":null,"imdb_id":null,"tvmaze_id":null,"score":0.45000000000000007,"evidence":["the name has the words ''DSC 0044''","against: guessit alone sees an episode''s number"]}]','guessit alone sees an episode''s number; nobody else confirms the title; nobody else confirms the episode''s number',0,'pending',NULL,'2026-11-30T15:53:36.635Z',NULL);
INSERT INTO "pending_validations" VALUES(5,14,'[{"id":1,"kind":"episode","title":"Cowboy Bebop","year":null,"country":null,"season_number":null,"episode_numbers":[],"absolute_numbers":[5],"air_date":null,"episode_title":null,"edition":null,"part":null,"tmdb_id":null,"tvdb_id":null,"imdb_id":null,"tvmaze_id":null,"score":0.75,"evidence":["the name has the title ''Cowboy Bebop''","guessit reads the same title","the folder ''Cowboy Bebop'' has the same title","the name carries the mark of episode 5","guessit reads the same number","against: a number behind a dash may be an episode''s or a part of the title"]}]','a number behind a dash may be an episode''s or a part of the title',0,'pending',NULL,'2026-11-30T15:53:36.786Z',NULL);
INSERT INTO "pending_validations" VALUES(6,2,'[{"id":1,"kind":"movie","title":"Broken","year":1998,"country":null,"season_number":null,"episode_numbers":[],"absolute_numbers":[],"air_date":null,"episode_title":null,"edition":null,"part":null,"tmdb_id":null,"tvdb_id":null,"imdb_id":null,"tvmaze_id":null,"score":0.99,"evidence":["the name has the title ''Broken'' and the year 1998","guessit reads the same title","guessit reads the same year"]}]','not a video: it is a playlist',0,'pending',NULL,'2026-11-30T15:53:37.498Z',NULL);
INSERT INTO "pending_validations" VALUES(7,10,'[]','opened by a person',0,'validated',NULL,'2026-11-30T15:54:21.888Z','2026-11-30T15:54:21.893Z');
INSERT INTO "pending_validations" VALUES(8,7,'[]','opened by a person',0,'validated',NULL,'2026-11-30T15:54:23.696Z','2026-11-30T15:54:23.709Z');
CREATE TABLE series (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    title_key TEXT NOT NULL,
    original_title TEXT,
    year INTEGER,
    country TEXT,
    tmdb_id INTEGER,
    tvdb_id INTEGER,
    imdb_id TEXT,
    genres TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
, tvmaze_id INTEGER);
INSERT INTO "series" VALUES(1,'Fargo','fargo',NULL,NULL,NULL,NULL,NULL,NULL,'[]','2026-11-30T15:53:36.810Z','2026-11-30T15:53:36.810Z',NULL);
INSERT INTO "series" VALUES(2,'The Daily Show','dailyshow',NULL,NULL,NULL,NULL,NULL,NULL,'[]','2026-11-30T15:53:36.825Z','2026-11-30T15:53:36.825Z',NULL);
CREATE TABLE trash (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    entity_type TEXT NOT NULL,
    original_id INTEGER NOT NULL,
    entity_metadata TEXT NOT NULL,
    deleted_at TEXT NOT NULL,
    deletion_reason TEXT NOT NULL
);
INSERT INTO "trash" VALUES(1,'movie',6,'{"id":6,"title":"Twelve Monkeys","title_key":"twelvemonkeys","original_title":null,"year":1995,"tmdb_id":null,"tvdb_id":null,"imdb_id":null,"genres":[],"created_at":"2026-11-30T15:53:36.748000+00:00","updated_at":"2026-11-30T15:53:36.748000+00:00","files":[10],"taken_for":{"part":null,"edition":null,"said_of_work":{"title":"Twelve Monkeys","title_key":"twelvemonkeys","year":1995,"country":null,"tmdb_id":null,"tvdb_id":null,"imdb_id":null,"tvmaze_id":null},"said_of_episode":null},"left_with":[]}','2026-11-30T15:54:21.893Z','its last file is taken for something else now, or for nothing');
INSERT INTO "trash" VALUES(2,'movie',3,'{"id":3,"title":"Dune","title_key":"dune","original_title":null,"year":2021,"tmdb_id":null,"tvdb_id":null,"imdb_id":null,"genres":[],"created_at":"2026-11-30T15:53:36.678000+00:00","updated_at":"2026-11-30T15:53:36.678000+00:00","files":[7],"taken_for":{"part":null,"edition":null,"said_of_work":{"title":"Dune","title_key":"dune","year":2021,"country":null,"tmdb_id":null,"tvdb_id":null,"imdb_id":null,"tvmaze_id":null},"said_of_episode":null},"left_with":[]}','2026-11-30T15:54:23.709Z','its last file is taken for something else now, or for nothing');
CREATE TABLE "video_files" (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    library_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    directory TEXT NOT NULL,
    filename TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    device INTEGER NOT NULL,
    state TEXT NOT NULL,
    first_seen_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    missing_since TEXT,
    fingerprint TEXT,
    oshash TEXT,
    file_hash TEXT,
    container TEXT,
    duration_ms INTEGER,
    resolution_width INTEGER,
    resolution_height INTEGER,
    codec_video TEXT,
    codec_audio TEXT,
    hdr TEXT,
    languages TEXT NOT NULL,
    subtitle_languages TEXT NOT NULL,
    media_problem TEXT,
    kind TEXT,
    movie_id INTEGER,
    part INTEGER,
    edition TEXT,
    verdict TEXT,
    decided_by TEXT,
    confidence REAL,
    evidence TEXT NOT NULL,
    reason TEXT, completeness TEXT, is_in_doubt INTEGER NOT NULL DEFAULT 0, identified_at TEXT, said_of_work TEXT, said_of_episode TEXT,
    FOREIGN KEY (library_id) REFERENCES libraries (id) ON DELETE RESTRICT,
    FOREIGN KEY (movie_id) REFERENCES movies (id) ON DELETE RESTRICT
);
INSERT INTO "video_files" VALUES(1,1,X'416DE96C6965202832303031292E6D6B76','',X'416DE96C6965202832303031292E6D6B76',1309,1796054014273661200,1796054014273661200,2687109,65024,'present','2026-11-30T15:53:35.535Z','2026-11-30T15:53:35.535Z',NULL,'8b07b17fdf6e3446',NULL,'378672b01c48e4d17a6efe4846cdfda9','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,NULL,NULL,NULL,NULL,'pending','reeld',NULL,'[]','the title holds bytes that are not UTF-8','{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:54:25.026Z',NULL,NULL);
INSERT INTO "video_files" VALUES(2,1,'Broken (1998).mkv','','Broken (1998).mkv',31,1796054014340178721,1796054014340178721,2687148,65024,'present','2026-11-30T15:53:35.535Z','2026-11-30T15:53:35.535Z',NULL,'133b7dd86cea4e7e',NULL,'d96fc04aba8d1d9fe197dfed71f1ca61',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]','not a video: it is a playlist',NULL,NULL,NULL,NULL,'pending','reeld',NULL,'[]','not a video: it is a playlist','{"quiet_s":0.2,"writer":"none","holes":"none","end":"unknown"}',0,'2026-11-30T15:54:25.026Z',NULL,NULL);
INSERT INTO "video_files" VALUES(3,1,'Stalker.mkv','','Stalker.mkv',1309,1796054014265046498,1796054064187062501,2687103,65024,'present','2026-11-30T15:53:35.535Z','2026-11-30T15:53:35.535Z',NULL,'90ecff467ffa2790',NULL,'9f631ce8c92eb02c558f3cec71e06a1c','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',35,NULL,NULL,'accepted','person',1.0,'["a person said so"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:54:25.709Z','{"title": "Stalker", "title_key": "stalker", "year": 1979, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(4,1,'DSC_0043.mkv','','DSC_0043.mkv',1309,1796054014266516122,1796054014266516122,2687104,65024,'present','2026-11-30T15:53:35.535Z','2026-11-30T15:53:35.535Z',NULL,'1e8676b2e0aa3807',NULL,'f2836ac5cad30adfdab4553fc4f2042d','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,NULL,NULL,NULL,NULL,'rejected','person',NULL,'[]','rejected by a person','{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.592Z',NULL,NULL);
INSERT INTO "video_files" VALUES(5,1,'DSC_0044.mkv','','DSC_0044.mkv',1309,1796054014267943654,1796054014267943654,2687105,65024,'present','2026-11-30T15:53:35.535Z','2026-11-30T15:53:35.535Z',NULL,'c2f72b39a8b27202',NULL,'f212f1ad72f7245cc5c248cca86d4ae1','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,NULL,NULL,NULL,NULL,'pending','reeld',NULL,'[]','guessit alone sees an episode''s number; nobody else confirms the title; nobody else confirms the episode''s number','{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:54:25.666Z',NULL,NULL);
INSERT INTO "video_files" VALUES(6,1,'Denied (1999).mkv','','Denied (1999).mkv',1309,1796054014270854900,1796054014340249507,2687107,65024,'present','2026-11-30T15:53:35.535Z','2026-11-30T15:53:35.535Z',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'[]','[]',NULL,'movie',2,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Denied'' and the year 1999", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s": 0.2, "writer": "unknown", "holes": "unknown"}',0,'2026-11-30T15:53:36.658Z','{"title": "Denied", "title_key": "denied", "year": 1999, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(7,1,'Dune (2021).mkv','','Dune (2021).mkv',1290,1796054014262017975,1796054014262017975,2687101,65024,'present','2026-11-30T15:53:35.535Z','2026-11-30T15:53:35.535Z',NULL,'2eab5a3927c0ca23',NULL,'cc0ca9f5557b47cc597dadbeeb1dd452','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',37,NULL,NULL,'accepted','person',1.0,'["a person said so"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.678Z','{"title": "Jodorowsky''s Dune", "title_key": "jodorowskysdune", "year": 2013, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(8,1,'Gone (2001).mkv','','Gone (2001).mkv',1309,1796054014263524074,1796054014263524074,2687102,65024,'missing','2026-11-30T15:53:35.536Z','2026-11-30T15:53:35.536Z','2026-11-30T15:54:25.245Z','9001697380ed92f4',NULL,'9573f026edf4a2885b2d348f48defebb','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',4,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Gone'' and the year 2001", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.700Z','{"title": "Gone", "title_key": "gone", "year": 2001, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(9,1,'Solaris (1972).mkv','','Solaris (1972).mkv',1290,1796054064185160875,1796054064185160875,2687102,65024,'present','2026-11-30T15:53:35.536Z','2026-11-30T15:54:25.235Z',NULL,'0a27429df9694386',NULL,'11bb7583a4a8e887f52b15aea02764a7','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',5,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Solaris'' and the year 1972", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:54:25.624Z','{"title": "Solaris", "title_key": "solaris", "year": 1972, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(10,1,'Twelve Monkeys (1995).mkv','','Twelve Monkeys (1995).mkv',1309,1796054014272238456,1796054014272238456,2687108,65024,'present','2026-11-30T15:53:35.536Z','2026-11-30T15:53:35.536Z',NULL,'0ee0d2b2b926d890',NULL,'21e050442ad01786107c8a5b7f614365','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',36,NULL,NULL,'accepted','person',1.0,'["a person said so"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.748Z','{"title": "12 Monkeys", "title_key": "12monkeys", "year": 1995, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(11,1,'Heat (1995)/Heat (1995) - Director''s Cut.mp4','Heat (1995)','Heat (1995) - Director''s Cut.mp4',1979,1796054014258669593,1796054014258669593,2687098,65024,'present','2026-11-30T15:53:35.536Z','2026-11-30T15:53:35.536Z',NULL,'42514b01a0c4f43e',NULL,'718372002ff6b96c7d82d8a086354940','mp4',1024,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',7,NULL,'Director''s Cut','accepted','reeld',0.99,'["the name has the title ''Heat'' and the year 1995", "the folder ''Heat (1995)'' has the same title", "the folder has the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.778Z','{"title": "Heat", "title_key": "heat", "year": 1995, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(12,1,'Heat (1995)/Heat (1995).mkv','Heat (1995)','Heat (1995).mkv',1277,1796054014254570875,1796054014254570875,2687097,65024,'present','2026-11-30T15:53:35.536Z','2026-11-30T15:53:35.536Z',NULL,'416e647fa1449994',NULL,'59e6d6d1cb908bd209e3e3c95ded3c03','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',7,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Heat'' and the year 1995", "the folder ''Heat (1995)'' has the same title", "the folder has the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:35.656Z','{"title": "Heat", "title_key": "heat", "year": 1995, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(13,1,'Heat (1995)/Sample/heat-sample.mkv','Heat (1995)/Sample','heat-sample.mkv',1303,1796054014260372727,1796054014260372727,2687100,65024,'present','2026-11-30T15:53:35.536Z','2026-11-30T15:53:35.536Z',NULL,'9b208b65a9fdd2f3',NULL,'68c15cfdd54399faed11d718423b18a6','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,NULL,NULL,NULL,NULL,'ignored','reeld',NULL,'[]','it lies in the folder ''Sample'' of ''Heat (1995)'': a sample','{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.757Z',NULL,NULL);
INSERT INTO "video_files" VALUES(14,2,'Cowboy Bebop/Cowboy Bebop - 05.mkv','Cowboy Bebop','Cowboy Bebop - 05.mkv',1286,1796054014288267565,1796054014288267565,2687118,65024,'present','2026-11-30T15:53:35.571Z','2026-11-30T15:53:35.571Z',NULL,'abf4b7417c876163',NULL,'f4324a20c2aeb26770adf031b32d6376','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,NULL,NULL,NULL,NULL,'pending','reeld',NULL,'[]','a number behind a dash may be an episode''s or a part of the title','{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.786Z',NULL,NULL);
INSERT INTO "video_files" VALUES(15,2,'Fargo/Season 00/Fargo - S00E01.mkv','Fargo/Season 00','Fargo - S00E01.mkv',1306,1796054014286808577,1796054014286808577,2687116,65024,'present','2026-11-30T15:53:35.571Z','2026-11-30T15:53:35.571Z',NULL,'8b862abd1b41e865',NULL,'7a72153fdc6236a14f3bf68b1c6b34b8','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'episode',NULL,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Fargo''", "the folder ''Fargo'' has the same title", "the name carries the mark of season 0 episode 1", "the folder says season 0 too"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.810Z','{"title": "Fargo", "title_key": "fargo", "year": null, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}','[{"season_number": 0, "episode_number": 1, "absolute_number": null, "title": null}]');
INSERT INTO "video_files" VALUES(16,2,'Fargo/Season 01/Fargo - S01E01-E02.mkv','Fargo/Season 01','Fargo - S01E01-E02.mkv',1309,1796054014283763138,1796054014283763138,2687113,65024,'present','2026-11-30T15:53:35.571Z','2026-11-30T15:53:35.571Z',NULL,'3587f241a8cd860d',NULL,'f462f9e05a978611cc787e4696729ebc','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'episode',NULL,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Fargo''", "the folder ''Fargo'' has the same title", "the name carries the mark of season 1 episode 1, 2", "the folder says season 1 too", "the siblings differ in this number: 1, 3"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.811Z','{"title": "Fargo", "title_key": "fargo", "year": null, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}','[{"season_number": 1, "episode_number": 1, "absolute_number": null, "title": null}, {"season_number": 1, "episode_number": 2, "absolute_number": null, "title": null}]');
INSERT INTO "video_files" VALUES(17,2,'Fargo/Season 01/Fargo - S01E03.avi','Fargo/Season 01','Fargo - S01E03.avi',31118,1796054014285121917,1796054014285121917,2687114,65024,'present','2026-11-30T15:53:35.571Z','2026-11-30T15:53:35.571Z',NULL,'da616ac5777761ed',NULL,'f7408c0c25501d724e36857b71ec5f7d','avi',1008,64,48,'mpeg4','mp2',NULL,'[]','[]',NULL,'episode',NULL,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Fargo''", "the folder ''Fargo'' has the same title", "the name carries the mark of season 1 episode 3", "the folder says season 1 too", "the siblings differ in this number: 1, 3"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.821Z','{"title": "Fargo", "title_key": "fargo", "year": null, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}','[{"season_number": 1, "episode_number": 3, "absolute_number": null, "title": null}]');
INSERT INTO "video_files" VALUES(18,2,'The Daily Show/The Daily Show - 2015-07-01.mkv','The Daily Show','The Daily Show - 2015-07-01.mkv',1303,1796054014289771671,1796054014289771671,2687120,65024,'present','2026-11-30T15:53:35.571Z','2026-11-30T15:53:35.571Z',NULL,'979beb376c455176',NULL,'63f03131de8f1a11000dec1e3f14cd0c','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'episode',NULL,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''The Daily Show''", "guessit reads the same title", "the folder ''The Daily Show'' has the same title", "the name carries the mark of the day 2015-07-01", "guessit reads the same number"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.825Z','{"title": "The Daily Show", "title_key": "dailyshow", "year": null, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}','[{"air_date": "2015-07-01", "title": null}]');
INSERT INTO "video_files" VALUES(19,3,'Alien (1979).mkv','','Alien (1979).mkv',1300,1796054014291143509,1796054014291143509,2687122,65024,'present','2026-11-30T15:53:35.601Z','2026-11-30T15:53:35.601Z',NULL,'0cafe96215f1ab70',NULL,'5b48a9ac7ddfc51e193dd4c26025681f','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',8,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Alien'' and the year 1979", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.881Z','{"title": "Alien", "title_key": "alien", "year": 1979, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(20,3,'Aliens (1986).mkv','','Aliens (1986).mkv',1283,1796054014292549628,1796054014292549628,2687123,65024,'present','2026-11-30T15:53:35.601Z','2026-11-30T15:53:35.601Z',NULL,'bf1c066cf24a25c6',NULL,'5ba4079bbb3c23af8134eaefa4c223fd','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',9,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Aliens'' and the year 1986", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.895Z','{"title": "Aliens", "title_key": "aliens", "year": 1986, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(21,4,'Film 50 (1950).mkv','','Film 50 (1950).mkv',1294,1796054014293943499,1796054014293943499,2687125,65024,'present','2026-11-30T15:53:35.614Z','2026-11-30T15:53:35.614Z',NULL,'76fc9a3372c05795',NULL,'8cf886ec8983276388e0d0d60d7fde55','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',10,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 50'' and the year 1950", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.930Z','{"title": "Film 50", "title_key": "film50", "year": 1950, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(22,4,'Film 51 (1951).mkv','','Film 51 (1951).mkv',1293,1796054014295284751,1796054014295284751,2687126,65024,'present','2026-11-30T15:53:35.614Z','2026-11-30T15:53:35.614Z',NULL,'f08e675c8364a1dd',NULL,'554b1b12c670b15c00ac91ff5b93d999','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',11,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 51'' and the year 1951", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.955Z','{"title": "Film 51", "title_key": "film51", "year": 1951, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(23,4,'Film 52 (1952).mkv','','Film 52 (1952).mkv',1290,1796054014296602157,1796054014296602157,2687127,65024,'present','2026-11-30T15:53:35.614Z','2026-11-30T15:53:35.614Z',NULL,'719d7cf6f1dc0d4b',NULL,'63afb49c50fe17025716ec0a80e1eb98','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',12,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 52'' and the year 1952", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:36.983Z','{"title": "Film 52", "title_key": "film52", "year": 1952, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(24,4,'Film 53 (1953).mkv','','Film 53 (1953).mkv',1271,1796054014297977089,1796054014297977089,2687128,65024,'present','2026-11-30T15:53:35.614Z','2026-11-30T15:53:35.614Z',NULL,'cad52e630ca62945',NULL,'9f6e97d8a3aee70825273923ab204715','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',13,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 53'' and the year 1953", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.011Z','{"title": "Film 53", "title_key": "film53", "year": 1953, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(25,4,'Film 54 (1954).mkv','','Film 54 (1954).mkv',1287,1796054014299333844,1796054014299333844,2687129,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'9bbaa9929c9c863c',NULL,'b650478d002f3c991aaa326a0e703502','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',14,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 54'' and the year 1954", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.035Z','{"title": "Film 54", "title_key": "film54", "year": 1954, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(26,4,'Film 55 (1955).mkv','','Film 55 (1955).mkv',1283,1796054014310625992,1796054014310625992,2687130,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'7938530619f7e890',NULL,'ba0272f4aaa0163a83490310325666ce','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',15,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 55'' and the year 1955", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.049Z','{"title": "Film 55", "title_key": "film55", "year": 1955, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(27,4,'Film 56 (1956).mkv','','Film 56 (1956).mkv',1263,1796054014312331531,1796054014312331531,2687131,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'8ed2468008107511',NULL,'eb318473c94b8ab4dc3fafbc9e2beb82','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',16,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 56'' and the year 1956", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.081Z','{"title": "Film 56", "title_key": "film56", "year": 1956, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(28,4,'Film 57 (1957).mkv','','Film 57 (1957).mkv',1267,1796054014313804019,1796054014313804019,2687132,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'ecea5db1ad8a0ec3',NULL,'6f5329d13500001add8de51692c19cc9','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',17,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 57'' and the year 1957", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.094Z','{"title": "Film 57", "title_key": "film57", "year": 1957, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(29,4,'Film 58 (1958).mkv','','Film 58 (1958).mkv',1258,1796054014315194605,1796054014315194605,2687133,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'631c1fb0cba89c07',NULL,'19b77833824d0ada9419ef5352c8a3ce','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',18,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 58'' and the year 1958", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.130Z','{"title": "Film 58", "title_key": "film58", "year": 1958, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(30,4,'Film 59 (1959).mkv','','Film 59 (1959).mkv',1263,1796054014316555266,1796054014316555266,2687134,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'9de9d78f21c8a665',NULL,'1630578e895fdbd74c184488c8fb60c1','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',19,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 59'' and the year 1959", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.160Z','{"title": "Film 59", "title_key": "film59", "year": 1959, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(31,4,'Film 60 (1960).mkv','','Film 60 (1960).mkv',1276,1796054014317969477,1796054014317969477,2687135,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'186d792725930dfc',NULL,'c08e15552e90bb7f6eb485de13dd00a1','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',20,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 60'' and the year 1960", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.215Z','{"title": "Film 60", "title_key": "film60", "year": 1960, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(32,4,'Film 61 (1961).mkv','','Film 61 (1961).mkv',1281,1796054014319498401,1796054014319498401,2687136,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'c72342f9352be70f',NULL,'7a62c8832156a58c64f428717cb40661','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',21,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 61'' and the year 1961", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.246Z','{"title": "Film 61", "title_key": "film61", "year": 1961, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(33,4,'Film 62 (1962).mkv','','Film 62 (1962).mkv',1285,1796054014320906573,1796054014320906573,2687137,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'ebce99f8cde6f35a',NULL,'03b7509339e3cfecd8b455e7a0b12ec1','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',22,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 62'' and the year 1962", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.271Z','{"title": "Film 62", "title_key": "film62", "year": 1962, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(34,4,'Film 63 (1963).mkv','','Film 63 (1963).mkv',1273,1796054014322245702,1796054014322245702,2687138,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'658713df0f5aee57',NULL,'ebbaee2629777370635a882467d684e8','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',23,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 63'' and the year 1963", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.326Z','{"title": "Film 63", "title_key": "film63", "year": 1963, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(35,4,'Film 64 (1964).mkv','','Film 64 (1964).mkv',1294,1796054014324406908,1796054014324406908,2687139,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'0dee71592b0b262c',NULL,'c0d641bf562e05ff9ccb3b36eb7c33cc','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',24,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 64'' and the year 1964", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.358Z','{"title": "Film 64", "title_key": "film64", "year": 1964, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(36,4,'Film 65 (1965).mkv','','Film 65 (1965).mkv',1294,1796054014326295210,1796054014326295210,2687140,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'b9314f4d35c6114c',NULL,'f704c13fe0a986bc0451b3472d66766b','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',25,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 65'' and the year 1965", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.376Z','{"title": "Film 65", "title_key": "film65", "year": 1965, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(37,4,'Film 66 (1966).mkv','','Film 66 (1966).mkv',1277,1796054014328101159,1796054014328101159,2687076,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'4de356cd0c8195d5',NULL,'8c68551f435155fb4845a22917ddd206','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',26,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 66'' and the year 1966", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.425Z','{"title": "Film 66", "title_key": "film66", "year": 1966, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(38,4,'Film 67 (1967).mkv','','Film 67 (1967).mkv',1294,1796054014329743993,1796054014329743993,2687069,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'040b260ca5420cbe',NULL,'3a727d63eaf2824d68f906536cfd0060','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',27,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 67'' and the year 1967", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.442Z','{"title": "Film 67", "title_key": "film67", "year": 1967, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(39,4,'Film 68 (1968).mkv','','Film 68 (1968).mkv',1297,1796054014331548426,1796054014331548426,2687141,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'682c79cda3994a32',NULL,'e7d28ab4f048882ab64af37323ff61cf','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',28,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 68'' and the year 1968", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.525Z','{"title": "Film 68", "title_key": "film68", "year": 1968, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(40,4,'Film 69 (1969).mkv','','Film 69 (1969).mkv',1303,1796054014333104039,1796054014333104039,2687142,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'c1e448a980dbc9d5',NULL,'f8f45a2a96eacb5cf25fdbec3b3e15ed','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',29,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 69'' and the year 1969", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.603Z','{"title": "Film 69", "title_key": "film69", "year": 1969, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(41,4,'Film 70 (1970).mkv','','Film 70 (1970).mkv',1287,1796054014334569437,1796054014334569437,2687143,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'772604822399fc2d',NULL,'306532be4dc13377f7a37b293f0e6624','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',30,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 70'' and the year 1970", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.637Z','{"title": "Film 70", "title_key": "film70", "year": 1970, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(42,4,'Film 71 (1971).mkv','','Film 71 (1971).mkv',1309,1796054014335939452,1796054014335939452,2687144,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'bc8c181ff36428ab',NULL,'1aa3c53ff871f215be1a1716a60f468f','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',31,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 71'' and the year 1971", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.661Z','{"title": "Film 71", "title_key": "film71", "year": 1971, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(43,4,'Film 72 (1972).mkv','','Film 72 (1972).mkv',1309,1796054014337345902,1796054014337345902,2687145,65024,'present','2026-11-30T15:53:35.615Z','2026-11-30T15:53:35.615Z',NULL,'5fa0a475938d2477',NULL,'ecde0de61c7ce45f516ed4f0879a2802','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',32,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 72'' and the year 1972", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.700Z','{"title": "Film 72", "title_key": "film72", "year": 1972, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(44,4,'Film 73 (1973).mkv','','Film 73 (1973).mkv',1290,1796054014338741145,1796054014338741145,2687146,65024,'present','2026-11-30T15:53:35.616Z','2026-11-30T15:53:35.616Z',NULL,'b730bb97871b6ecf',NULL,'4bdb8e98b01fd79654942812f6672f27','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',33,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 73'' and the year 1973", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.726Z','{"title": "Film 73", "title_key": "film73", "year": 1973, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
INSERT INTO "video_files" VALUES(45,4,'Film 74 (1974).mkv','','Film 74 (1974).mkv',1309,1796054014340132131,1796054014340132131,2687147,65024,'present','2026-11-30T15:53:35.616Z','2026-11-30T15:53:35.616Z',NULL,'8b5695755587c352',NULL,'a4800f7095a9cbe660ee30cb15dd57ec','matroska',1088,64,48,'mpeg4','aac',NULL,'["en"]','[]',NULL,'movie',34,NULL,NULL,'accepted','reeld',0.99,'["the name has the title ''Film 74'' and the year 1974", "guessit reads the same title", "guessit reads the same year"]',NULL,'{"quiet_s":0.2,"writer":"none","holes":"none","end":"there"}',0,'2026-11-30T15:53:37.752Z','{"title": "Film 74", "title_key": "film74", "year": 1974, "country": null, "tmdb_id": null, "tvdb_id": null, "imdb_id": null, "tvmaze_id": null}',NULL);
CREATE UNIQUE INDEX libraries_name ON libraries (name);
CREATE INDEX movies_title ON movies (title);
CREATE INDEX movies_tmdb_id ON movies (tmdb_id);
CREATE INDEX movies_tvdb_id ON movies (tvdb_id);
CREATE INDEX movies_imdb_id ON movies (imdb_id);
CREATE INDEX movies_title_key_year ON movies (title_key, year);
CREATE INDEX series_title ON series (title);
CREATE INDEX series_tmdb_id ON series (tmdb_id);
CREATE INDEX series_tvdb_id ON series (tvdb_id);
CREATE INDEX series_imdb_id ON series (imdb_id);
CREATE INDEX series_title_key_year ON series (title_key, year);
CREATE INDEX episodes_series_id ON episodes (series_id);
CREATE INDEX episodes_title ON episodes (title);
CREATE UNIQUE INDEX episodes_series_id_season_number_episode_number
    ON episodes (series_id, season_number, episode_number);
CREATE INDEX episodes_series_id_absolute_number ON episodes (series_id, absolute_number);
CREATE INDEX episodes_series_id_air_date ON episodes (series_id, air_date);
CREATE UNIQUE INDEX episode_only_by_absolute_number
    ON episodes (series_id, absolute_number)
    WHERE season_number IS NULL AND absolute_number IS NOT NULL;
CREATE UNIQUE INDEX episode_only_by_air_date
    ON episodes (series_id, air_date)
    WHERE season_number IS NULL AND air_date IS NOT NULL;
CREATE INDEX episode_files_video_file_id ON episode_files (video_file_id);
CREATE INDEX pending_validations_video_file_id ON pending_validations (video_file_id);
CREATE INDEX pending_validations_validation_status_created_at
    ON pending_validations (validation_status, created_at);
CREATE UNIQUE INDEX one_open_question_per_file
    ON pending_validations (video_file_id)
    WHERE validation_status = 'pending';
CREATE INDEX trash_entity_type_original_id ON trash (entity_type, original_id);
CREATE UNIQUE INDEX jobs_video_file_id ON jobs (video_file_id);
CREATE INDEX jobs_lane_state_due_at_ms ON jobs (lane, state, due_at_ms);
CREATE INDEX video_files_library_id ON video_files (library_id);
CREATE INDEX video_files_path ON video_files (path);
CREATE INDEX video_files_fingerprint ON video_files (fingerprint);
CREATE INDEX video_files_file_hash ON video_files (file_hash);
CREATE INDEX video_files_movie_id ON video_files (movie_id);
CREATE UNIQUE INDEX video_files_library_id_path ON video_files (library_id, path);
CREATE INDEX video_files_library_id_directory ON video_files (library_id, directory);
CREATE INDEX video_files_size_bytes_file_hash ON video_files (size_bytes, file_hash);
CREATE INDEX video_files_inode_size_bytes ON video_files (inode, size_bytes);
CREATE INDEX video_files_verdict_state ON video_files (verdict, state);
CREATE INDEX file_history_video_file_id ON file_history (video_file_id);
CREATE INDEX series_tvmaze_id ON series (tvmaze_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('video_files',45);
INSERT INTO "sqlite_sequence" VALUES('movies',37);
INSERT INTO "sqlite_sequence" VALUES('series',2);
INSERT INTO "sqlite_sequence" VALUES('episodes',5);
INSERT INTO "sqlite_sequence" VALUES('trash',2);
PRAGMA application_id = 1380271436;
PRAGMA user_version = 8;
COMMIT;
