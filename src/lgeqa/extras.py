"""Optional packages: the modules of each extra, and a clear message if one is missing."""

from importlib.util import find_spec
from typing import Final

from lgeqa.errors import MissingExtraError

_DICOM: Final = ("fpdf", "highdicom", "pylibjpeg", "libjpeg", "openjpeg")
_TRAIN: Final = (
    "torch",
    "lightning",
    "monai",
    "matplotlib",
    "sklearn",
    "onnx",
    "onnxscript",
    "pyarrow",
    "pytorch_optimizer",
    "safetensors",
    "tensorboard",
    "torchmetrics",
    "huggingface_hub",
    "umap",
)
_WEB: Final = (
    "alembic",
    "fastapi",
    "fpdf",
    "krippendorff",
    "pandas",
    "pingouin",
    "prometheus_client",
    "python_multipart",
    "sklearn",
    "sqlalchemy",
    "uvicorn",
)
#: For each extra of the package, the modules that show it is installed.
EXTRAS: Final = {
    "agreement": ("fpdf", "krippendorff", "pandas", "pingouin", "sklearn"),
    "archive": ("dicomweb_client", "requests"),
    "cluster": ("dask", "dask_jobqueue", "distributed"),
    "dicom": _DICOM,
    "listen": (*_DICOM, "httpx", "pynetdicom"),
    "postgres": (*_WEB, "psycopg"),
    "sweep": (*_TRAIN, "optuna", "tomli_w"),
    "track": (*_TRAIN, "alembic", "mlflow", "sqlalchemy"),
    "train": _TRAIN,
    "web": _WEB,
}


def missing(extra: str) -> tuple[str, ...]:
    """Return the modules of `extra` that cannot be found, without importing any."""
    return tuple(module for module in EXTRAS[extra] if find_spec(module) is None)


def require(extra: str, feature: str) -> None:
    """Make sure that `extra` is installed before `feature` imports from it.

    Raises:
        MissingExtraError: A module of the extra is missing. The message names it and the install command.
    """
    absent = missing(extra)
    if absent:
        raise MissingExtraError(
            f'{feature} needs {", ".join(absent)}, which a plain install leaves out. Run: pip install "lgeqa[{extra}]"'
        )
