"""What a model is: an image and a text tower behind one promise, whatever runs them."""
