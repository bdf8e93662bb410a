"""A generated world: small scenes of coloured objects whose captions are true by construction."""
