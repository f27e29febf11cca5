"""What `data/models/models.json` says of the shipped models; no network is loaded here."""

import hashlib
import json

from .. import _shared

MODELS = _shared.ROOT / "data" / "models"


def record_of(name, folder=MODELS):
    """Look up what is known of a shipped model, without loading it.

    Parameters
    ----------
    name, folder
        As `load`.

    Returns
    -------
    dict
        ``input``, ``threshold`` (probability from which a cell is taken as line), seed, scores and
        what it is built from.

    Raises
    ------
    ValueError
        If there is no such model.

    Examples
    --------
    >>> from helpers import network
    >>> network.record_of("transfer_raw")["input"]
    'raw'
    """
    if not (folder / "models.json").exists():
        raise ValueError(
            f"There are no models in {folder}: models.json is missing. Restore it from the "
            "repository or make the models anew with `make train`."
        )
    known = json.loads((folder / "models.json").read_text())
    if name not in known:
        raise ValueError(f"There is no model named {name!r}; choose one of {', '.join(known)}.")
    return known[name]


def fingerprint(name, folder=MODELS):
    """Hash the record and the weights of a shipped model and of its members.

    Parameters
    ----------
    name, folder
        As `load`.

    Returns
    -------
    str
        Changes with the record or any weight.

    Raises
    ------
    ValueError
        If there is no such model.
    OSError
        If its weights are missing.
    """
    record = record_of(name, folder)
    found = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
    for member in record.get("members", ()):
        found.update(fingerprint(member, folder).encode())
    if "members" not in record:
        found.update((folder / f"{name}.weights.h5").read_bytes())
    return found.hexdigest()
