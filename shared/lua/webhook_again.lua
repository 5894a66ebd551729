-- Lets the message about the last end of a job or batch be delivered once more, as if it had never been tried.
-- ARGV: key of the record behind the prefix. Returns 1, or 0 when there is none.
local message = redis.call('HGET', root .. ARGV[1], 'webhook_message')
if not message or redis.call('EXISTS', message_key(message)) == 0 then return 0 end
redis.call('HSET', message_key(message), 'attempts', 0)
settle_message(message, 'pending', nil, '', 0)
return 1
