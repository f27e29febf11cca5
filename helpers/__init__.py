"""Helpers of the Lineations workbook: a folder for each stage of the way of the data.

data -> tracks -> gridding -> diffusion -> network -> lines, with seafloor (the simulated one),
scores, maps and labelling beside them.  A folder imports only those above it, and hands on its
names in `__init__.py`.  Importing this package imports none of them.
"""
