-- The ids of TVmaze, which names of series carry like those of the others.
ALTER TABLE series ADD COLUMN tvmaze_id INTEGER;
CREATE INDEX series_tvmaze_id ON series (tvmaze_id);
