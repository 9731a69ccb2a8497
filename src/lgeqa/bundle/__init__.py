"""A trained model as a folder: `bundle.json` and ONNX files."""

from lgeqa.bundle.bundle import Bundle as Bundle
from lgeqa.bundle.bundle import default_bundle as default_bundle
from lgeqa.bundle.bundle import open_bundle as open_bundle
from lgeqa.bundle.manifest import Manifest as Manifest
