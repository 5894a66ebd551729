-- Notes that a message was received, in the window under KEYS[1]. ARGV: when it was enqueued, seconds to keep this.
redis.call('ZADD', KEYS[1], 'LT', ARGV[1], 'oldest')
redis.call('EXPIRE', KEYS[1], ARGV[2])
