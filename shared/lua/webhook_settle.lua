-- Writes what became of a try.
-- ARGV: message, token, status, status that the receiver answered or '', why it was not delivered or '', seconds to the
--       next try or ''. Returns 1, or 0 when another process holds the message.
if redis.call('HGET', message_key(ARGV[1]), 'token') ~= ARGV[2] then return 0 end
settle_message(ARGV[1], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]))
return 1
