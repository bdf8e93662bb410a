"""Framebus at your fingertips: the command line, the Python client, the local stack and the demo."""
