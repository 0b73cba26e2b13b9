"""From registry packages and open picture sets to the files of models/ (docs/MODELS.md). Nothing
here runs or ships.
"""

import chalicelib.inference  # noqa: F401  # before torch and onnxsim load onnxruntime their way
