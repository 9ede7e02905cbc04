"""What runs in a parallel job: the driver and its workers, with the job's own Python and the standard library.

It is copied to the run's folder and started from there, so it must work with Python 3.8 and import nothing of the
emulator; pandas and pyarrow only where the input is a table.
"""
