"""An audit for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text

from cladeseg.bundle.audit import AuditFinding

#: Longer values are cut in the table; JSON has them whole.
_SHOWN = 160


def audit_exit_code(findings: Sequence[AuditFinding]) -> int:
    """1 if anything is not allowed, else 0."""
    return int(not all(finding.allowed for finding in findings))


def audit_json(findings: Sequence[AuditFinding], folder: str | Path) -> str:
    """JSON text: ``bundle``, ``allowed`` (of all) and ``findings``, each with the fields of :class:`AuditFinding`."""
    content = {
        "bundle": str(folder),
        "allowed": audit_exit_code(findings) == 0,
        "findings": [asdict(finding) for finding in findings],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def audit_table(findings: Sequence[AuditFinding], folder: str | Path) -> Table:
    """One row for each finding, what is not allowed first; the title counts them."""
    refused = [finding for finding in findings if not finding.allowed]
    table = Table(title=f"{folder}: {len(findings)} findings, {len(refused)} not allowed")
    for column in ("", "kind", "file", "key", "value", "why"):
        table.add_column(column, overflow="fold")
    for finding in [*refused, *(finding for finding in findings if finding.allowed)]:
        mark = Text("ok", "dim") if finding.allowed else Text("NO", "bold red")
        shown = finding.value if len(finding.value) <= _SHOWN else finding.value[:_SHOWN] + "…"
        # Text, not str: a bundle's strings must not pass as markup.
        table.add_row(mark, *(Text(part) for part in (finding.kind, finding.file, finding.key, shown, finding.reason)))
    return table
