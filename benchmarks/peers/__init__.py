"""Model servers of others, each in an environment of its own outside this repository."""
