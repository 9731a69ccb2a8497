"""MONAI Deploy application: run the workflow of an exported MONAI bundle on the scans of the input folder.

python app.py --input /data/scans --output results --model lgeqa-monai
"""

import logging
from pathlib import Path
from typing import Any

from monai.bundle import ConfigWorkflow
from monai.deploy.conditions import CountCondition
from monai.deploy.core import AppContext, Application, Fragment, Operator, OperatorSpec


class BundleWorkflowOperator(Operator):
    """Operator that runs the inference workflow of a MONAI bundle once.

    Args:
        fragment: Application that the operator belongs to.
        conditions: Conditions of its execution.
        bundle: Folder of the MONAI bundle, as `lgeqa export-monai` writes it.
        scans: Folder of the scans.
        output: Folder for the results.
        options: Further options of an operator.
    """

    def __init__(
        self, fragment: Fragment, *conditions: Any, bundle: Path, scans: Path, output: Path, **options: Any
    ) -> None:
        self._config = bundle / "configs" / "inference.json"
        self._folders = {"bundle_root": str(bundle), "dataset_dir": str(scans), "output_dir": str(output)}
        super().__init__(fragment, *conditions, **options)

    def setup(self, spec: OperatorSpec) -> None:
        """Declare no ports: files come in and go out."""

    def compute(self, _inputs: Any, _outputs: Any, _context: Any) -> None:
        """Assess the scans."""
        workflow = ConfigWorkflow(str(self._config), logging_file=False, **self._folders)
        workflow.initialize()
        workflow.run()


class LgeqaApp(Application):
    """Application of one operator, with folders from the command line or the environment."""

    def compose(self) -> None:
        """Add the operator."""
        context: AppContext = Application.init_app_context(self.argv)
        folders = {name: Path(getattr(context, f"{name}_path")).resolve() for name in ("input", "output", "model")}
        self.add_operator(
            BundleWorkflowOperator(
                self,
                CountCondition(self, 1),
                bundle=folders["model"],
                scans=folders["input"],
                output=folders["output"],
                name="lgeqa",
            )
        )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    LgeqaApp().run()
