"""HDF5: the plugin that writes frames into files.

Frames with their attributes come in; go out: HDF5 files that can be read while they grow.
"""
