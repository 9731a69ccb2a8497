"""Write the OpenAPI description of the HTTP interface to standard output, for the types of the pages' scripts."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from lgeqa.web.app import create_app


def main() -> None:
    """Describe the application of an empty home folder."""
    with TemporaryDirectory() as home:
        json.dump(create_app(Path(home), "a-token-that-nobody-has").openapi(), sys.stdout)


if __name__ == "__main__":
    main()
