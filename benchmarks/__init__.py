"""Measurements that anyone can repeat: each prints a table and takes `--json FILE`."""
