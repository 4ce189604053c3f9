-- A job that reads the name in between: what it is again after that.
ALTER TABLE jobs ADD COLUMN resumes TEXT;
