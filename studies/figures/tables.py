"""Tables of what `real_bench` found, as README and notebook A2 show them.

`records` is what stands in data/results/real_data.json (`protocol.results("real_data")`).
"""

import pandas as pd

HEADS = {"sato": "Sato", "all_peaks": "all peaks"}  # what a column is called


def blocks(records):
    """Polarity blocks crossed: a row for each survey, box and company that has picks."""
    rows = []
    for one in records["surveys"]:
        if one["methods"] is None:
            continue
        methods = one["methods"]
        row = _about(one) | {"blocks": one["blocks"]}
        for name in ("network", "crests", "sato", "peaks", "all_peaks", "moved", "turned"):
            if name not in methods:  # crests of records made before they were counted
                continue
            count = methods[name]
            row[HEADS.get(name, name)] = f"{count['crossed']} / {count['crossings']}"
        low, high = methods["network"]["crossed_95"]
        row["network 95 %"] = f"{low:.0f}-{high:.0f}"
        low, high = methods["network"]["by_chance_95"]
        row["chance"] = f"{methods['network']['by_chance']:.0f} ({low:.0f}-{high:.0f})"
        if "crests" in methods:
            low, high = methods["crests"]["by_chance_95"]
            row["chance, crests"] = f"{methods['crests']['by_chance']:.0f} ({low:.0f}-{high:.0f})"
        low, high = methods["all_peaks"]["by_chance_95"]
        row["chance, all peaks"] = f"{methods['all_peaks']['by_chance']:.0f} ({low:.0f}-{high:.0f})"
        rows.append(row)
    return pd.DataFrame(rows)


def lines(records):
    """Lines beside expert lineations: a row for each survey, box and company."""
    rows = []
    for one in records["surveys"]:
        row, drawn = _about(one), one["lines"]
        row |= {"lines": drawn["lines"], "km": round(drawn["length_km"])}
        if drawn["km"] is not None:
            row["off (km)"] = f"{drawn['km']:.0f}"
            row["moved (km)"] = _ends(drawn, "moved_km", ".0f")
            row["off (deg)"] = f"{drawn['deg']:.0f}"
            row["moved (deg)"] = _ends(drawn, "moved_deg", ".0f")
            row["sato"] = f"{drawn['sato_km']:.0f} km, {drawn['sato_deg']:.0f} deg"
        rows.append(row)
    return pd.DataFrame(rows).fillna("-")


def withheld(records):
    """Withheld lines: a row for each survey whose lines were predicted from the others."""
    rows = []
    for one in records["surveys"]:
        found = one["withheld"]
        if not found:
            continue
        row = _about(one) | {"lines": f"{found['lines']} of {found['lines_in_all']}"}
        for name, of_method in found.items():
            if isinstance(of_method, dict):  # a method, no count
                km = of_method["resolved_km"]
                resolved = f" ({km:.0f} km)" if km else ""
                row[name.replace("_", " ")] = f"{of_method['rms_nt']:.0f}{resolved}"
        row["1 sigma"], row["2 sigma"] = (f"{found[f'within_{k}_sigma']:.0%}" for k in (1, 2))
        rows.append(row)
    return pd.DataFrame(rows)


def regions(records):
    """Tabulate simulated regions against expert lineations: a row for each region and chron."""
    rows = []
    for one in records["regions"]:
        for row in one["rows"]:
            if row["km"] is None:
                continue
            rows.append({
                "region": one["region"], "chron": row["chron"],
                "drawn (km)": round(row["length_km"]), "in reach": f"{row['within_reach']:.0%}",
                "off (km)": f"{row['km']:.1f}",
                "moved (km)": _ends(row, "moved_km", ".1f"), "off (deg)": f"{row['deg']:.0f}",
                "moved (deg)": _ends(row, "moved_deg", ".0f"),
            })  # fmt: skip
    return pd.DataFrame(rows)


TABLES = (blocks, lines, withheld, regions)


def _about(one):
    return {name: one[name] for name in ("survey", "box", "ships")} | {
        "cell (km)": f"{one['spacing_km']:g}"
    }


def _ends(row, name, form):
    """Write a mean and its interval."""
    low, high = row[f"{name}_90"]
    return f"{row[name]:{form}} ({low:{form}}-{high:{form}})"
