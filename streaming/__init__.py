"""How Framebus runs: the consume-process-flush-commit loop, the three ways to read, failures, metrics, stopping."""
