"""What register-assets does about assets: what they hold, which of them needs which, and what is to be done."""
