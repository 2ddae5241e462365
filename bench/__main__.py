"""All benchmarks, one after the other: `python -m bench` (or `make bench`). About half an hour on a quiet machine."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys

CALLS = (1_000_000,)
GROWTH = (100_000, 1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes, to see that everything works")
    parser.add_argument("--calls", type=int, nargs="*", default=CALLS, metavar="N", help="sizes of the data sets")
    parser.add_argument("--growth", type=int, nargs="*", default=GROWTH, metavar="N", help="sizes that are compared")
    arguments = parser.parse_args()
    quick = ["--quick"] if arguments.quick else []
    done = [
        _run(name, "--calls", str(calls), *quick)
        for calls in arguments.calls
        for name in ("reporting", "throughput", "rpc", "memory")
    ]
    if arguments.growth:
        done.append(_run("growth", "--calls", *map(str, arguments.growth), *quick))
    done += [_run(name, *quick) for name in ("write_path", "importing", "webhooks")]
    if shutil.which("sipp"):
        done.append(_run("call_setup", *quick))
    else:
        print("call_setup is left out: SIPp is missing (apt-get install -y --no-install-recommends sip-tester)")
    sys.exit(max(done))


def _run(name: str, *options: str) -> int:
    print(f"\n== bench.{name} {' '.join(options)}", flush=True)
    return subprocess.run([sys.executable, "-m", f"bench.{name}", *options], check=False).returncode


if __name__ == "__main__":
    main()
