"""Reading of tables of scores in Parquet, by PyArrow."""

import math
from pathlib import Path
from typing import Any

from lgeqa.errors import CohortError


def read_parquet(table: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Read the column names and the rows of a Parquet file, with empty strings for null and NaN.

    Raises:
        CohortError: The file cannot be read or is not Parquet.
        MissingExtraError: PyArrow is not installed.
    """
    from lgeqa.extras import require

    require("train", feature="reading Parquet")
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(table) as file:
            names, content = file.schema_arrow.names, file.read()
    except (OSError, ArrowException) as error:
        raise CohortError(f"{table}: is not a readable Parquet file ({error}). Write it again.") from None
    columns = [column.to_pylist() for column in content.columns]
    rows = [dict(zip(names, map(_cell, cells), strict=True)) for cells in zip(*columns, strict=True)]
    return names, rows


def _cell(value: Any) -> Any:
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value
