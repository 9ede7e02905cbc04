"""`mlops doctor`: looks at everything that the actions need, thing by thing, and says what to mend."""
