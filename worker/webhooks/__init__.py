"""The process that delivers webhooks: it needs the job store and nothing else, neither queue nor model."""
