"""Studies: what the notebooks ask of the method.  No helper imports them."""
