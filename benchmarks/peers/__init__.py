"""Other servers with the same model and pictures, each as its own documentation would have it; one file a peer."""
