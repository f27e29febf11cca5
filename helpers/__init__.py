"""Helpers of the Lineations workbook: a folder for each stage of the way of the data.

data -> tracks -> gridding -> diffusion -> network -> lines, with seafloor (the simulated one),
scores, maps and labelling beside them.  A folder imports only those above it, and hands on its
names in `__init__.py`.  Importing this package imports none of them.

What must be set before other packages are loaded is set here, for all of them: then TensorFlow says
nothing about this machine, and rasterio finds its table of projections.
"""

import importlib.abc
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

RASTERIO = importlib.util.find_spec("rasterio")
if RASTERIO and (Path(RASTERIO.origin).parent / "proj_data").is_dir():  # a wheel; conda has its own
    os.environ.setdefault("PROJ_DATA", str(Path(RASTERIO.origin).parent / "proj_data"))

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# said by its C++ libraries while they are loaded, before they read that variable
CHATTER = (
    "before absl::InitializeLog()",
    "Could not find cuda drivers",
    "binary is optimized to use available CPU instructions",
    "To enable the following instructions",
)


class _TensorFlowWithoutChatter(importlib.abc.MetaPathFinder):
    """Load TensorFlow with the terminal's stderr held back; all else it says is passed on."""

    def find_spec(self, name, path=None, target=None):
        """Take over the import of tensorflow, once."""
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            load = spec.loader.exec_module
            spec.loader.exec_module = lambda module: _quietly(load, module)
        return spec


def _quietly(load, module):
    """Load a module; pass on what it writes to stderr, less the chatter."""
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            load(module)
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            held.seek(0)
            for line in held:
                if not any(text.encode() in line for text in CHATTER):
                    os.write(2, line)


sys.meta_path.insert(0, _TensorFlowWithoutChatter())
