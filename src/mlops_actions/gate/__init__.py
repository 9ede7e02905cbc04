"""What holds a model back: requirements on its metrics, and a comparison with the model that it is to follow."""
