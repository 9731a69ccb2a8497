"""A trained model as a folder: `bundle.json` and ONNX files."""

from lgeqa.inference.bundle.bundle import Bundle as Bundle
from lgeqa.inference.bundle.bundle import default_bundle as default_bundle
from lgeqa.inference.bundle.bundle import open_bundle as open_bundle
from lgeqa.inference.bundle.manifest import Manifest as Manifest
