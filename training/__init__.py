"""The generated world, and the training and evaluation of the encoders that the project ships."""
