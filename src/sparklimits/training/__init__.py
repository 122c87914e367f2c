"""Training a model on many workers: the model, and the ways to keep its parameters in step. No Spark to import."""
