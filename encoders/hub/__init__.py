"""A published model becomes a model folder: found on the hub, read without its code, exported to ONNX, compared, cached."""
