"""The scaling policies of infra/terraform, simulated: `python -m benchmarks.scaling`."""
