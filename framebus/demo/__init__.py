"""The demonstration: real clips through the real stack, a few searches, and whether each found what it should."""
