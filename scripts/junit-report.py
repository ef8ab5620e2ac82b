#!/usr/bin/env python3
"""Turns a JUnit XML report into the JSON lines of `go test -json`, which .ci/run adds up.

    junit-report.py REPORT.xml OUT.json PACKAGE EXIT_CODE

EXIT_CODE is that of the test program: when it failed without any failed test, or wrote no report, the package as a
whole is the failure.
"""

import json
import sys
import xml.etree.ElementTree as ElementTree


def main(report: str, out: str, package: str, exit_code: str) -> None:
    lines = []
    try:
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        print(f"junit-report: {error}", file=sys.stderr)
        cases = []
    for case in cases:
        outcome = "pass"
        for child in case:
            kind = child.tag.rsplit("}", 1)[-1]
            if kind in ("failure", "error"):
                outcome = "fail"
            elif kind == "skipped" and outcome == "pass":
                outcome = "skip"
        # One package for each file, as the summary blames packages.
        name = case.get("classname", "")
        lines.append(
            {
                "Action": outcome,
                "Package": f"{package}/{name}" if name else package,
                "Test": case.get("name", "unnamed"),
                "Elapsed": float(case.get("time", 0)),
            }
        )
    failed = any(line["Action"] == "fail" for line in lines)
    if exit_code != "0" and not failed:
        lines.append({"Action": "fail", "Package": package})
    with open(out, "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
