"""Video in, sampled frames out."""
