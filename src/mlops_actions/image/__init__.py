"""Building and pushing an image with docker: tags, login, the client, and what a failed build says."""
