from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from cladeseg.segmentation.mixing.teacher import EmaTeacher


class _Student(nn.Module):
    """Tells its mode apart by batch norm, its views apart by a position-dependent map."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm3d(1)
        self.conv = nn.Conv3d(1, 3, (3, 1, 1), padding=(1, 0, 0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.norm(x)).log_softmax(1)


@pytest.fixture
def student() -> _Student:
    torch.manual_seed(0)
    return _Student()


def _move(student: nn.Module, by: float) -> None:
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(by)


def test_an_update_is_the_closed_form_average(student: _Student) -> None:
    teacher = EmaTeacher(student, decay=0.9, warmup=False)
    before = student.conv.weight.detach().clone()
    _move(student, 1.0)
    teacher.update(student)
    teacher.update(student)
    torch.testing.assert_close(teacher.network.conv.weight, before + (1 - 0.9**2))


def test_warm_up_forgets_the_start_and_ends_at_the_decay(student: _Student) -> None:
    teacher = EmaTeacher(student, decay=0.99)
    before = student.conv.weight.detach().clone()
    _move(student, 1.0)
    teacher.update(student)
    torch.testing.assert_close(teacher.network.conv.weight, before + 0.9)
    assert teacher.current_decay == pytest.approx(2 / 11)
    teacher.step = 10_000
    assert teacher.current_decay == 0.99


def test_buffers_are_copied_whatever_their_type(student: _Student) -> None:
    teacher = EmaTeacher(student)
    student.train()(torch.randn(2, 1, 4, 4, 4) + 3)
    teacher.update(student)
    assert torch.equal(teacher.network.norm.running_mean, student.norm.running_mean)
    assert teacher.network.norm.num_batches_tracked == 1


def test_the_teacher_takes_no_gradient_and_leaves_the_student_alone(student: _Student) -> None:
    teacher = EmaTeacher(student)
    before = [p.detach().clone() for p in student.parameters()]
    teacher.update(student)
    assert not any(p.requires_grad for p in teacher.network.parameters())
    assert all(torch.equal(a, b) and b.requires_grad for a, b in zip(before, student.parameters(), strict=True))
    (view,) = teacher.predict(torch.randn(1, 1, 4, 4, 4))
    assert not view.requires_grad


def test_labels_come_from_eval_mode_even_if_someone_switched_it(student: _Student) -> None:
    # Planted fault: in train mode a case's labels would depend on its batch mates (published code, defect 6).
    teacher = EmaTeacher(student)
    teacher.network.train()
    case, mate = torch.randn(1, 1, 4, 4, 4), 9 * torch.randn(1, 1, 4, 4, 4)
    (alone,) = teacher.predict(case)
    (together,) = teacher.predict(torch.cat([case, mate]))
    torch.testing.assert_close(alone, together[:1])


def test_flipped_views_come_back_in_place(student: _Student) -> None:
    teacher = EmaTeacher(student)
    x = torch.randn(1, 1, 4, 4, 4)
    plain, across, along = teacher.predict(x, ((), ("posterior-anterior",), ("left-right",)))
    torch.testing.assert_close(plain, across)  # the map acts along axis 0 only
    assert not torch.allclose(plain, along)
    torch.testing.assert_close(along, teacher.network(x.flip(2)).flip(2))


def test_a_channels_last_student_has_a_channels_last_teacher() -> None:
    student = nn.Conv3d(2, 3, 3).to(memory_format=torch.channels_last_3d)
    teacher = EmaTeacher(student)
    teacher.update(student)
    teacher.load_state_dict(pickle.loads(pickle.dumps(teacher.state_dict())))
    assert teacher.network.weight.is_contiguous(memory_format=torch.channels_last_3d)


def test_the_state_makes_a_round_trip(student: _Student) -> None:
    teacher = EmaTeacher(student)
    _move(student, 1.0)
    teacher.update(student)
    other = EmaTeacher(_Student())
    other.load_state_dict(pickle.loads(pickle.dumps(teacher.state_dict())))
    for one in (teacher, other):
        one.update(student)
    assert other.step == teacher.step == 2
    assert torch.equal(other.network.conv.weight, teacher.network.conv.weight)


def test_an_impossible_decay_is_refused(student: _Student) -> None:
    with pytest.raises(ValueError, match=r"1\.5"):
        EmaTeacher(student, decay=1.5)
