# Starts the original SDK with the descriptors of a folder: `original.py server -n NAMESPACE --port PORT`, or `worker`.
import os
import traceback

_format = traceback.format_exception


def format_exception(exc=None, value=None, tb=None, limit=None, chain=True, etype=None):
    """The SDK names the first argument etype, which Python 3.10 took away: without this each of its errors becomes another one."""
    return _format(etype if etype is not None else exc, value, tb, limit, chain)


traceback.format_exception = format_exception

from kama_sdk.cli import entrypoint  # noqa: E402
from kama_sdk.model.base.models_manager import models_manager  # noqa: E402
from kama_sdk.utils import descriptor_utils  # noqa: E402

models_manager.add_descriptors(descriptor_utils.load_dir_yamls(os.environ["DESCRIPTORS"]))
entrypoint.start()
