"""Compare what `gen audit` says with what really connects, and what it finds in shipped classes."""
