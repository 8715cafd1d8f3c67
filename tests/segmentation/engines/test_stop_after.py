"""Stopping on purpose: after the epoch that was named, without changing the aim."""

from __future__ import annotations

import pytest
from ignite.engine import Events
from tiny_training import tiny_trainer

from cladeseg.segmentation.engines import StopAfter


@pytest.mark.parametrize(("stop", "trained"), [(1, 1), (2, 2), (3, 3), (9, 3), (None, 3)])
def test_it_stops_after_the_epoch(acdc_tree, stop, trained):
    trainer = tiny_trainer(acdc_tree, epochs=3, steps=1, handlers=[StopAfter(stop)])
    trainer.run()
    assert (trainer.state.epoch, trainer.state.iteration) == (trained, trained)


def test_the_learning_rate_still_aims_at_the_last_epoch(acdc_tree):
    trainer = tiny_trainer(acdc_tree, epochs=4, steps=1, handlers=[StopAfter(2)])
    trainer.run()
    assert trainer.state.max_epochs == 4
    assert trainer.lr_scheduler.total_steps == 4
    assert trainer.optimizer.param_groups[0]["lr"] > 0


def test_handlers_of_the_end_still_run(acdc_tree):
    trainer = tiny_trainer(acdc_tree, epochs=3, steps=1, handlers=[StopAfter(1)])
    ended = []
    trainer.add_event_handler(Events.COMPLETED, lambda engine: ended.append(engine.state.epoch))
    trainer.run()
    assert ended == [1]
