"""The preparation of many photos: in parallel processes, with a result that does not depend on how many there are."""
