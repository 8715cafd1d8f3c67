from __future__ import annotations

import json
import math

import pytest

from cladeseg.files import DataError
from cladeseg.segmentation.metrics import Record, read_csv, write_csv, write_json

RECORDS = [
    Record("patient001_frame01", "heart", "dice", 0.123456789, "ok"),
    Record("patient001_frame01", "heart", "hd95_mm", 12.0, "ok"),
    Record("patient001_frame01", "left_ventricle", "hd95_mm", None, "missed"),
    Record("a, b", "heart", "nsd", 0.0, "spurious"),
]
CSV = """case,node,metric,value,status
patient001_frame01,heart,dice,0.123457,ok
patient001_frame01,heart,hd95_mm,12,ok
patient001_frame01,left_ventricle,hd95_mm,,missed
"a, b",heart,nsd,0,spurious
"""


def test_the_csv_is_exactly_this(tmp_path):
    write_csv(RECORDS, tmp_path / "eval" / "metrics.csv")
    assert (tmp_path / "eval" / "metrics.csv").read_bytes() == CSV.encode()


def test_the_csv_is_read_back(tmp_path):
    write_csv(RECORDS, tmp_path / "metrics.csv")
    first, *others = read_csv(tmp_path / "metrics.csv")
    assert first == Record("patient001_frame01", "heart", "dice", 0.123457, "ok")
    assert others == RECORDS[1:]


def test_lesion_counts_are_whole_numbers_in_the_csv_and_are_read_back(tmp_path):
    records = [
        Record("c", "heart", "lesions_missed", 12.0, "ok"),
        Record("c", "heart", "lesion_dice", None, "both_empty"),
    ]
    write_csv(records, tmp_path / "metrics.csv")
    assert "c,heart,lesions_missed,12,ok\nc,heart,lesion_dice,,both_empty\n" in (tmp_path / "metrics.csv").read_text()
    assert read_csv(tmp_path / "metrics.csv") == records


def test_a_writer_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "metrics.csv"
    write_csv(RECORDS, path)

    def broken():
        yield RECORDS[0]
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError):
        write_csv(broken(), path)
    assert path.read_text() == CSV
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.csv"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the header is None"),
        ("case,node,value\n", "the header is"),
        ("case,node,metric,value,status\nc,heart,dise,1,ok\n", "line 2: .*dise"),
        ("case,node,metric,value,status\nc,heart,dice,1,fine\n", "line 2: .*fine"),
        ("case,node,metric,value,status\nc,heart,dice\n", "line 2: "),
        ("case,node,metric,value,status\nc,heart,dice,0.1,ok\nc,heart,iou,much,ok\n", "line 3: the value 'much'"),
    ],
)
def test_a_csv_of_another_kind_is_refused_with_path_and_line(tmp_path, text, complaint):
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=complaint) as error:
        read_csv(path)
    assert str(error.value).startswith(str(path))


def test_the_json_holds_null_where_a_number_is_not_finite(tmp_path):
    summary = {"nodes": {"heart": {"dice": {"mean": math.nan, "ci95": [math.inf, None], "n": 0}}}, "cases": 1}
    write_json(summary, tmp_path / "metrics.json")

    def refuse(constant):
        raise AssertionError(constant)

    found = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=refuse)
    assert found == {"nodes": {"heart": {"dice": {"mean": None, "ci95": [None, None], "n": 0}}}, "cases": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.json"]
