"""What FFmpeg may make of the bytes of a source."""

from typing import Final

from schemas.limits import JPEG_PIXELS_LIMIT

FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts"
"""The demuxers that may look at a file: none of them opens another one, as playlists do."""
NO_PROTOCOL: Final = "none"
PIXELS: Final = {"max_pixels": str(JPEG_PIXELS_LIMIT)}
"""For whatever decodes: a few bytes of a header claim a picture of gigabytes."""
CAUTION: Final = {"format_whitelist": FORMATS, "protocol_whitelist": NO_PROTOCOL, **PIXELS}
"""For opening: no protocol at all, as FFmpeg is handed bytes. While it looks for streams it decodes too."""
