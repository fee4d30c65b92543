"""What every stage needs: texts with positions, packages on disk, and a few choices and words.

Folders and names come in; go out: sources with positions, and names of packages. It knows no format of EPICS.
"""
