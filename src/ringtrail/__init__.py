"""ringtrail: call tracking that anyone can run."""

import atexit
import gc

__version__ = "0.1.0"

# The collector's last run, while the interpreter ends, crashes now and then in msgspec's type information
# (msgspec issue 717). What is frozen it leaves alone.
atexit.register(gc.freeze)
