"""What every run and bundle has, whatever it learns: run folder, record, hashes, audit, validation, clear failures."""

from cladeseg.bundle.audit import AuditFinding, audit_bundle
from cladeseg.bundle.audit_report import audit_exit_code, audit_json, audit_table
from cladeseg.bundle.command_line import OverrideError, check_overrides
from cladeseg.bundle.failure import explain_failures
from cladeseg.bundle.monai_label import choose_run_folder
from cladeseg.bundle.problem import Problem
from cladeseg.bundle.run_folder import RunFolder, start_run
from cladeseg.bundle.settings import SettingsError, SettingsGroup, read_settings, settings_reference
from cladeseg.bundle.validate import validate_bundle

__all__ = [
    "AuditFinding",
    "OverrideError",
    "Problem",
    "RunFolder",
    "SettingsError",
    "SettingsGroup",
    "audit_bundle",
    "audit_exit_code",
    "audit_json",
    "audit_table",
    "check_overrides",
    "choose_run_folder",
    "explain_failures",
    "read_settings",
    "settings_reference",
    "start_run",
    "validate_bundle",
]
