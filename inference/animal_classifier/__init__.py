"""Answers over HTTP which animal is on a photo."""
