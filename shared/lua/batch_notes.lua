-- batch_notes
-- ARGV: id, index of a chunk, notes.
redis.call('HSET', root .. 'batch:' .. ARGV[1] .. ':notes', ARGV[2], ARGV[3])
