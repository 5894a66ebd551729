"""One machine, one command: a private server, the API and the workers under a process manager."""
