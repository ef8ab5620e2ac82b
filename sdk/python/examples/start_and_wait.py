"""Starts an execution, shows its progress, and prints what came of it: python start_and_wait.py [SECONDS]."""

import sys

from sojourn import ExecutionOutcomeError, Sojourn


def main() -> None:
    """Runs the demo workflow "sleep" of `sojourn dev`."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    with Sojourn() as client:
        execution = client.executions.start("sleep", {"seconds": seconds}, metadata={"from": "an example"})
        print("started", execution.id)
        ended = client.executions.wait(execution.id, progress=True)
        try:
            print(ended.raise_for_outcome().status, ended.output)
        except ExecutionOutcomeError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
