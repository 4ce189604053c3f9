-- A first scan writes many rows that have no hash and no film yet: their indexes hold only those that do. Two indexes
-- go: (library_id, path) answers what library_id did, and no question is asked by the fingerprint alone.
DROP INDEX video_files_library_id;
DROP INDEX video_files_fingerprint;
DROP INDEX video_files_file_hash;
CREATE INDEX video_files_file_hash ON video_files (file_hash) WHERE file_hash IS NOT NULL;
DROP INDEX video_files_size_bytes_file_hash;
CREATE INDEX video_files_size_bytes_file_hash ON video_files (size_bytes, file_hash) WHERE file_hash IS NOT NULL;
DROP INDEX video_files_movie_id;
CREATE INDEX video_files_movie_id ON video_files (movie_id) WHERE movie_id IS NOT NULL;
