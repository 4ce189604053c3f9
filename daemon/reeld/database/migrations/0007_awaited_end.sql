-- Until when the end of a file is awaited that ends before its container does: till then its job is no work.
ALTER TABLE jobs ADD COLUMN awaited_until_ms INTEGER;
