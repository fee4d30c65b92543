"""The site's own package, written by hand."""
