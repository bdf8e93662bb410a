"""How the media of sources are opened: every address and every server judged, FFmpeg handed bytes and bounded in memory."""
