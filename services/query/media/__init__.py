"""What a hit shows: clips and thumbnails of the original media, uploads, and their removal."""
