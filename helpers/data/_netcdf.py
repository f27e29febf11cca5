"""Whether a netCDF file holds what its header promises, asked before a library opens it.

The libraries trust a header: one that promises too much is read as zeros, fills the memory or ends
the interpreter. Classic files are laid out in the NetCDF Users Guide, appendix B (CDF-1, CDF-2 and
CDF-5); netCDF-4 is HDF5, which may also point to other files.
"""

import io
import math

CLASSIC = {b"CDF\x01": (4, 4), b"CDF\x02": (4, 8), b"CDF\x05": (8, 8)}  # bytes of count, offset
HDF5 = b"\x89HDF\r\n\x1a\n"
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
DIMENSIONS, VARIABLES, ATTRIBUTES = 10, 11, 12  # tags of the lists of a header
MOST_ENTRIES = 65_536  # of a list in a header; netCDF's own limit was 8,192
LONGEST_NAME = 1024  # bytes
SMALL_BYTES = 16_000_000  # what no file is refused for declaring
MOST_RATIO = 2000  # bytes declared for each that is held; deflate reaches 1,032


class NetcdfError(ValueError):
    """What is wrong with a netCDF file, in one sentence that names it."""


def check_netcdf(source, name):
    r"""Refuse a netCDF file that is cut off, damaged, or points to other files.

    Parameters
    ----------
    source : str, pathlib.Path or bytes
        Path of the file, or its content.
    name : str
        What messages call the file.

    Raises
    ------
    NetcdfError
        A ValueError, if the file is no netCDF, promises more than it holds, or is HDF5 whose
        values lie in other files.

    Examples
    --------
    >>> check_netcdf(b"CDF\x01" + bytes(28), "empty.nc")  # no dimension, no variable
    >>> check_netcdf(b"CDF\x01" + bytes(20), "short.nc")
    Traceback (most recent call last):
    ...
    helpers.data._netcdf.NetcdfError: short.nc is cut off: its header ends early.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        start = file.read(len(HDF5))
        file.seek(0)
        if start[:4] in CLASSIC:
            _check_classic(file, size, name)
        elif start == HDF5:
            _check_hdf5(file, size, name)
        else:
            raise NetcdfError(f"{name} is no netCDF file: it does not begin as one.")


def check_declared(declared, held, name):
    """Refuse a file that declares far more bytes than it can hold, even compressed."""
    if declared > max(SMALL_BYTES, MOST_RATIO * held):
        raise NetcdfError(
            f"{name} declares {declared / 1e6:,.0f} MB of values and holds {held / 1e3:,.0f} kB: "
            "it is damaged or was never filled."
        )


class _Header:
    """The header of a classic file, read number by number within the bounds of the file."""

    def __init__(self, file, size, name):
        self.file, self.size, self.name = file, size, name
        self.count_bytes, self.offset_bytes = CLASSIC[file.read(4)]

    def number(self, width):
        """Read an unsigned number."""
        found = self.file.read(width)
        if len(found) < width:
            raise NetcdfError(f"{self.name} is cut off: its header ends early.")
        return int.from_bytes(found, "big")

    def count(self):
        """Read a number of as many bytes as counts have in this version."""
        return self.number(self.count_bytes)

    def skip(self, width):
        """Pass over bytes."""
        if width > self.size - self.file.tell():
            raise NetcdfError(f"{self.name} is cut off: its header ends early.")
        self.file.seek(width, io.SEEK_CUR)

    def damaged(self, what):
        """Make the error about a header that contradicts itself."""
        return NetcdfError(f"{self.name} is a damaged netCDF file: its header has {what}.")

    def text(self):
        """Read a name."""
        length = self.count()
        if length > LONGEST_NAME:
            raise self.damaged(f"a name of {length:,} characters")
        found = self.file.read(length)
        self.skip(-length % 4)
        try:
            return found.decode("utf-8")
        except UnicodeDecodeError:
            raise self.damaged("a name that is no text") from None

    def entries(self, tag, what):
        """Read how many entries a list has; an absent list has two zeros."""
        found, number = self.number(4), self.count()
        if found != tag and (found or number):
            raise self.damaged(f"no list of {what} where one should be")
        if number > MOST_ENTRIES:
            raise self.damaged(f"{number:,} {what}")
        return number

    def width(self):
        """Read a type and give the bytes of one of its values."""
        kind = self.number(4)
        if kind not in TYPE_BYTES or (kind > 6 and self.count_bytes == 4):
            raise self.damaged(f"a type {kind} of values")
        return TYPE_BYTES[kind]

    def attributes(self):
        """Pass over a list of attributes."""
        for _ in range(self.entries(ATTRIBUTES, "attributes")):
            self.text()
            width = self.width()
            width *= self.count()
            self.skip(width + -width % 4)

    def variable(self, lengths):
        """Read a variable: whether it has records, its first byte, its bytes (of one record)."""
        self.text()
        number = self.count()
        if number > len(lengths) + 1:  # no axis is used more than twice
            raise self.damaged(f"a variable of {number:,} dimensions")
        axes = [self.count() for _ in range(number)]
        if any(axis >= len(lengths) for axis in axes):
            raise self.damaged("a variable over a dimension that there is not")
        self.attributes()
        width = self.width()
        self.count()  # the size as the writer saw it, which may be too large for its field
        begin = self.number(self.offset_bytes)
        sides = [lengths[axis] for axis in axes]
        if 0 in sides[1:]:
            raise self.damaged("an unlimited dimension that does not stand first")
        records = sides[:1] == [0]
        return records, begin, width * math.prod(sides[1:] if records else sides)


def _check_classic(file, size, name):
    """Hold what the header of a classic file promises against the size of the file."""
    header = _Header(file, size, name)
    records = header.count()
    lengths = []
    for _ in range(header.entries(DIMENSIONS, "dimensions")):
        header.text()
        lengths.append(header.count())
    if lengths.count(0) > 1:
        raise header.damaged("two unlimited dimensions")
    header.attributes()
    number = header.entries(VARIABLES, "variables")
    variables = [header.variable(lengths) for _ in range(number)]
    end = file.tell()
    slabs = [width for growing, _, width in variables if growing]
    padded = slabs[0] if len(slabs) == 1 else sum(width + -width % 4 for width in slabs)
    last = 0
    for growing, begin, width in sorted(variables, key=lambda variable: variable[1:]):
        if not width or (growing and not records):
            continue
        if begin < max(end, last):
            raise header.damaged("variables that lie upon each other")
        last = begin + width
        promised = last + (padded * (records - 1) if growing else 0)
        if promised > size:
            raise NetcdfError(
                f"{name} is cut off: its header promises {promised:,} bytes and it has {size:,}."
            )


def _check_hdf5(file, size, name):
    """Walk through an HDF5 file without following a link out of it."""
    import h5py

    try:
        with h5py.File(file, "r") as opened:
            held = _walk(opened, size, name)
    except NetcdfError:
        raise
    except Exception as error:  # whatever the library makes of damage
        raise NetcdfError(f"{name} is a damaged netCDF-4 (HDF5) file, or cut off.") from error
    check_declared(held, size, name)


def _walk(opened, size, name):
    """Sum the bytes that the datasets of an HDF5 file declare; refuse what lies elsewhere."""
    import h5py

    elsewhere = NetcdfError(f"{name} points to values in other files, which are not read.")
    declared, seen, waiting = 0, set(), [opened]
    while waiting:
        group = waiting.pop()
        for key in group:
            link = group.get(key, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise elsewhere
            if not isinstance(link, h5py.HardLink):
                continue
            item = group[key]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MOST_ENTRIES:
                raise NetcdfError(f"{name} holds more than {MOST_ENTRIES:,} groups and variables.")
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                made = item.id.get_create_plist()
                layout = made.get_layout()
                if made.get_external_count() or layout == h5py.h5d.VIRTUAL:
                    raise elsewhere
                width = item.id.get_type().get_size()
                declared += width * math.prod(item.id.shape)
                if layout == h5py.h5d.CHUNKED:  # a chunk is read whole, even of few values
                    check_declared(width * math.prod(made.get_chunk()), size, name)
    return declared
