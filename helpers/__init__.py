"""Helpers of the Lineations workbook: one module for each stage of the way of the data.

tracks -> gridding -> diffusion -> patches -> network -> scores and lines,
with seafloor and forward (the simulated seafloor), ships (simulated cruises), data (files) and
maps and figures (pictures) beside them.  Importing this package imports none of them.
"""
