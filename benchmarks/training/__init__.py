"""What training gives for its time, against a plain CNN; see `measure`."""
