"""ONNX graphs run by PyTorch: the operators that exporters emit for encoders, on any device and in any precision."""
