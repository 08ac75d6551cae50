"""The reviewed statements about vulnerabilities as CycloneDX VEX, checked against the bill of materials.

Usage: python build/vex.py STATEMENTS.yaml SBOM.json TARGET.json
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

STATES = {
    "not_affected": "not_affected",
    "affected": "exploitable",
    "resolved": "resolved",
    "in_triage": "in_triage",
}
JUSTIFICATIONS = {
    "code_not_present",
    "code_not_reachable",
    "requires_configuration",
    "requires_dependency",
    "requires_environment",
    "protected_by_compiler",
    "protected_at_runtime",
    "protected_at_perimeter",
    "protected_by_mitigating_control",
}
MEMBERS = {"id", "component", "state", "justification", "detail", "reviewed"}


def main() -> int:
    """Write the document, or say what is wrong with a statement."""
    statements, sbom, target = (Path(argument) for argument in sys.argv[1:])
    try:
        document = vex(yaml.safe_load(statements.read_text())["statements"], json.loads(sbom.read_text()))
    except ValueError as error:
        print(f"error: {statements}: {error}", file=sys.stderr)
        return 1
    target.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    return 0


def vex(statements: list[dict[str, Any]], sbom: dict[str, Any]) -> dict[str, Any]:
    """The CycloneDX document; ValueError for a statement that is incomplete or about nothing inside."""
    references = {component["name"]: component.get("bom-ref", "") for component in sbom["components"]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": sbom["specVersion"],
        "version": 1,
        "vulnerabilities": [vulnerability(entry, references) for entry in statements],
    }


def vulnerability(entry: dict[str, Any], references: dict[str, str]) -> dict[str, Any]:
    """One statement."""
    if entry.keys() - MEMBERS or not {"id", "component", "state", "detail", "reviewed"} <= entry.keys():
        raise ValueError(f"{entry.get('id', 'a statement')} has members that are missing or unknown")
    if entry["component"] not in references:
        raise ValueError(f"{entry['id']}: {entry['component']} is not in the bill of materials")
    if entry["state"] not in STATES or entry.get("justification", "code_not_present") not in JUSTIFICATIONS:
        raise ValueError(f"{entry['id']}: unknown state or justification")
    if entry["state"] == "not_affected" and "justification" not in entry:
        raise ValueError(f"{entry['id']}: not_affected needs a justification")
    analysis = {"state": STATES[entry["state"]], "detail": f"{entry['detail']} Reviewed {entry['reviewed']}."}
    if "justification" in entry:
        analysis["justification"] = entry["justification"]
    return {
        "id": str(entry["id"]),
        "analysis": analysis,
        "affects": [{"ref": references[entry["component"]] or entry["component"]}],
    }


if __name__ == "__main__":
    sys.exit(main())
