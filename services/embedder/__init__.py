"""Frames in, vectors out: the live lane first, the bulk lane with what is left."""
