"""Looks at live systems and writes down what no file can know; the only room that talks to IOCs.

p4p and aioca come with the extra `live` and are imported only when a command here runs.
"""
