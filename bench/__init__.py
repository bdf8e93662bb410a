"""What Framebus costs and how fast it is, measured on this machine: `make bench`."""
