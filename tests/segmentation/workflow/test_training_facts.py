"""What a page says of how weights were trained, from the files beside them."""

from __future__ import annotations

from cladeseg.files import write_json
from cladeseg.segmentation.workflow.training_facts import training_facts

CASES = {
    "training": [("a", "fine", {"heart": 2.0}), ("b", "heart", {"heart": 1.0}), ("c", "unlabelled", None)],
    "validation": [("d", "heart", None)],
    "test": [("e", "fine", None), ("f", "fine", None)],
}


def case(name, supervision, volumes):
    label = {} if supervision == "unlabelled" else {"label": f"{name}_gt.nii.gz"}
    known = {} if volumes is None else {"volumes_ml": volumes}
    return {"case": name, "patient": name, "image": f"{name}.nii.gz", "supervision": supervision, **label, **known}


def split(path):
    write_json({"format": 1, **{part: [case(*one) for one in cases] for part, cases in CASES.items()}}, path)


def test_the_split_gives_numbers_and_volumes(tmp_path):
    split(tmp_path / "datalist.json")
    facts = training_facts(tmp_path / "models" / "model.safetensors")
    words = "1 fine + 1 coarse (heart) + 1 unlabelled cases; held out: 1 validation, 2 test"
    assert facts == {"trained_on": words, "training_volumes": {"heart": [1.0, 2.0]}, "training": {}}


def test_the_runs_record_gives_seed_time_and_memory(tmp_path):
    record = {"settings": {"seed": 3}, "seconds": 9.5, "peak_memory_mb": 700, "commit": "abc", "command": ["x"]}
    write_json(record, tmp_path / "run.json")
    training = training_facts(tmp_path / "models" / "model.safetensors")["training"]
    assert training == {"seed": 3, "seconds": 9.5, "peak_memory_mb": 700, "commit": "abc"}


def test_of_weights_alone_nothing_is_known(tmp_path):
    facts = training_facts(tmp_path / "model.safetensors")
    assert facts == {"trained_on": "", "training_volumes": {}, "training": {}}


def test_weights_outside_a_run_do_not_take_the_record_above_them(tmp_path):
    write_json({"settings": {"seed": 3}}, tmp_path / "run.json")
    assert training_facts(tmp_path / "other" / "model.safetensors")["training"] == {}
