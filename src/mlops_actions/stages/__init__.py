"""`mlops run`: the steps of a reusable workflow on a laptop, one after the other, and again from any of them."""
