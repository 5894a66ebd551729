-- Completes a batch whose mended rows are merged. ARGV: id, retention.
if batch_is_open(ARGV[1]) then end_batch(ARGV[1], 'completed', '', ARGV[2]) end
return 1
