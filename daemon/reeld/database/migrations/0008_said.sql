-- What each file says of the work that it belongs to: a work is called what all its files say together, so that what one
-- of them takes back is forgotten. NULL where an older reeld filed it: then nothing is.
ALTER TABLE video_files ADD COLUMN said_of_work TEXT;
ALTER TABLE video_files ADD COLUMN said_of_episode TEXT;
