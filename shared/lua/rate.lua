-- Looks at the bucket of a key, and takes nothing from it.
-- ARGV: bucket; name of an idempotency key, or ''. Returns its debt, or '' where the idempotency key stands for something already.
if ARGV[2] ~= '' and redis.call('EXISTS', root .. 'once:' .. ARGV[2]) == 1 then return '' end
return stamp(find_bucket(ARGV[1]).debt)
