"""Vectors in, smoothed rows in Milvus out: one core, a Faust runner for the live lane, the plain loop for the bulk lane."""
