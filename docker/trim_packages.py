"""Take out of an environment what no process of ours runs, while an image is built: trim_packages.py /opt/venv."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

#: Packages that bring their tests, which nothing imports.
TESTED = ("joblib", "numpy", "pandas", "pyarrow", "scipy", "sklearn")
#: Services of AWS that we, or the search for credentials, may ask; boto3 describes some 400.
SERVICES = ("s3", "signin", "sqs", "sso", "sso-oidc", "sts")
#: What serves compiling against Arrow, and reading from other places than we do.
ARROW = (
    *("include", "includes", "src", "*.pxd", "*.pyx", "*.pxi"),
    *("libarrow_flight.so*", "libarrow_python_flight.so*", "_flight.*"),
    *("libarrow_s3.so*", "_s3fs.*", "_azurefs.*", "_gcsfs.*", "_hdfs.*"),
)


def find_unused(packages: Path) -> Iterator[Path]:
    """Yield folders and files of site-packages that can go."""
    for name in TESTED:
        yield from (folder for folder in (packages / name).rglob("test*") if folder.name in ("test", "tests"))
    for pattern in ARROW:
        yield from (packages / "pyarrow").glob(pattern)
    data = packages / "botocore" / "data"
    yield from (folder for folder in data.glob("*/") if folder.name not in SERVICES)


def main() -> None:
    (packages,) = Path(sys.argv[1]).glob("lib/python3.*/site-packages")
    for path in list(find_unused(packages)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
