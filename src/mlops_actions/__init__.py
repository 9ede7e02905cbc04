"""The steps between a push and a served model, one module per action."""
