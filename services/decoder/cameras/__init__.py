"""Live cameras: one supervised capture each; everything is recorded, what is sampled is decoded and sent to `frames-live`."""
