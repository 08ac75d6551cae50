"""Write what the bundle is made of: `sbom.cdx.json` (CycloneDX), `licenses.json` and `modules.json`.

Usage: python build/about.py RUNTIME TREE TARGET   (RUNTIME: the environment of build/runtime.txt;
                                                   TREE: the frozen tree, or `-` for a one-file build)
"""

import ast
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from sbom import bill_of_materials, debian_packages
from terms import licences

ROOT = Path(__file__).resolve().parent.parent
LATE_IMPORTS = {  # by C code or by libraries at run time: the analysis saw them only because the spec names them
    "psycopg_binary._psycopg",
    "psycopg_binary.pq",
    "wsgiref.simple_server",
    "timeit",
    "encodings.idna",
    "zoneinfo",
    "uvloop",
}


def main() -> int:
    """Gather and write."""
    runtime, tree, target = (Path(argument) for argument in sys.argv[1:])
    (packages,) = runtime.glob("lib/python3*/site-packages")
    debian = debian_packages(tree) if tree != Path("-") else {}
    target.mkdir(parents=True, exist_ok=True)
    sbom = bill_of_materials(runtime=runtime, packages=packages, tree=tree, debian=debian)
    write_json(target / "sbom.cdx.json", sbom)
    write_json(target / "licenses.json", licences(packages, sorted(debian)))
    write_json(target / "modules.json", sorted(imported_modules(ROOT / "app")))
    return 0


def write_json(path: Path, document: object) -> None:
    """Keys sorted, so that equal content gives equal bytes."""
    path.write_text(json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False) + "\n")


def imported_modules(package: Path) -> set[str]:
    """Every module of ours and every one that ours import, inside functions too: `sallyport selftest` tries each."""
    modules = set(LATE_IMPORTS)
    for path in package.rglob("*.py"):
        name = ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        if not name.endswith("__main__"):
            modules.add(name)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module)
    return modules


if __name__ == "__main__":
    sys.exit(main())
