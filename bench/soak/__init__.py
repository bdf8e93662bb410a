"""T7: live load over time: `make soak MINUTES=60`. Whether memory, file handles, lag and freshness stay what they are."""
