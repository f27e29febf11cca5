"""Make requirements.txt and requirements.lock from environment.yml, the one list of packages.

    python tools/requirements.py            writes requirements.txt (version ranges)
    python tools/requirements.py --lock     also asks pip for requirements.lock (exact versions)

The lock holds the whole closure, found by ``pip install --dry-run`` without looking at what is
installed here, so the result does not depend on this environment.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
NOT_FROM_PIP = {"python", "pip"}
HEADER = "# Made from environment.yml by `python tools/requirements.py{}`. Do not edit.\n"
LOCK_NOTE = "# Exact versions of the whole closure, found with Python {}.{} on {}.\n"


def pip_requirements(text):
    """Turn the text of environment.yml into a sorted list of pip requirements."""
    hints = {}
    for line in text.splitlines():
        match = re.match(r"\s*-\s*([A-Za-z0-9_.-]+).*#\s*pip:\s*([A-Za-z0-9_.-]+)", line)
        if match:
            hints[match[1]] = match[2]
    listed = []
    for entry in yaml.safe_load(text)["dependencies"]:
        listed += entry["pip"] if isinstance(entry, dict) else [entry]
    found = []
    for entry in listed:
        name, rest = re.match(r"([A-Za-z0-9_.-]+)\s*(.*)", entry).groups()
        if name not in NOT_FROM_PIP:
            found.append(hints.get(name, name) + rest.replace(" ", ""))
    return sorted(found, key=str.lower)


def requirements_text(environment_text):
    """Return the text of requirements.txt."""
    return HEADER.format("") + "\n".join(pip_requirements(environment_text)) + "\n"


def lock_lines(report):
    """Return the sorted ``name==version`` lines of a pip installation report."""
    pairs = [(item["metadata"]["name"], item["metadata"]["version"]) for item in report["install"]]
    return sorted(
        f"{re.sub(r'[-_.]+', '-', name).lower()}=={version.split('+')[0]}"
        for name, version in pairs
    )


def resolve(requirements_path):
    """Ask pip which exact versions it would install into an empty environment."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
        command += ["--quiet", "--report", str(report), "-r", str(requirements_path)]
        subprocess.run(command, check=True)
        return json.loads(report.read_text())


def main():
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lock", action="store_true", help="also resolve exact versions")
    options = parser.parse_args()
    requirements = ROOT / "requirements.txt"
    requirements.write_text(requirements_text((ROOT / "environment.yml").read_text()))
    print(f"wrote {requirements.name}")
    if options.lock:
        lines = lock_lines(resolve(requirements))
        note = LOCK_NOTE.format(*sys.version_info[:2], sys.platform)
        lock = ROOT / "requirements.lock"
        lock.write_text(HEADER.format(" --lock") + note + "\n".join(lines) + "\n")
        print(f"wrote {lock.name}: {len(lines)} packages")


if __name__ == "__main__":
    main()
