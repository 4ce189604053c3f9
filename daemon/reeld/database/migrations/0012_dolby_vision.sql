-- Of a Dolby Vision picture: its profile, and what a player shows that does not know it.
ALTER TABLE video_files ADD COLUMN dolby_vision TEXT;
ALTER TABLE video_files ADD COLUMN hdr_fallback TEXT;
