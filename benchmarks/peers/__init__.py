"""Other servers with the same model, each written as its tutorial shows; nothing here uses Squint's code."""
