"""The preparation of many photos: in parallel processes, with a result that does not depend on how many there are."""


class PreparationError(Exception):
    """What keeps photos from being prepared, in one line."""
