"""Protocols that were not made here: each is translated into the same jobs, and accepts or waits for nothing itself."""
