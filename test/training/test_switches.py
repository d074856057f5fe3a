# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What may be switched at export: another network of the same weights, which says so."""

import dataclasses

import pytest
import torch
from yoso_checkpoints import YOSO

from psg_ros.config import Recommendation
from psg_ros.network.config import ModelConfig, RelationConfig
from psg_ros.network.dsflash import DsFlash, build_dsflash
from psg_ros.network.segmenters.eomt_config import EomtConfig
from psg_ros.training.release import Switches, describe_network, switched


@pytest.fixture
def trained() -> DsFlash:
    segmenter = EomtConfig(
        input_hw=(32, 48), dim=16, depth=2, num_heads=2, num_queries=5, num_query_blocks=1,
        taps=(0, 1), stem="convolution",
    )  # fmt: skip
    relations = RelationConfig(dim=16, depth=1, num_heads=2, head_hidden=16, cell_patches=1)
    config = ModelConfig("tiny", "Finds boxes", segmenter=segmenter, relations=relations)
    return build_dsflash(config, num_labels=3, num_predicates=4).eval()


def test_the_network_changes_but_not_its_weights(trained):
    model = switched(trained, Switches(prune=True, merge_ratio=0.4))
    assert model.relations.prune and isinstance(model.segmenter.config, EomtConfig)
    assert model.segmenter.config.merge_ratio == 0.4
    assert not model.training and not trained.relations.prune
    for name, tensor in trained.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor, atol=0, rtol=0)
    image = torch.rand(1, 3, 32, 48) * 255
    with torch.no_grad():
        masks, merged = (network.segmenter(image)[1] for network in (trained, model))
    assert not torch.allclose(masks, merged, atol=1e-3)


def test_the_description_says_what_differs_from_training(trained):
    both = switched(trained, Switches(prune=True, merge_ratio=0.4))
    assert both.config.description == (
        "Finds boxes. Exported, unlike trained, with prune True instead of False, merge_ratio 0.4 "
        "instead of 0.0."
    )
    back = switched(switched(trained, Switches(prune=True)), Switches(prune=False))
    assert "with prune False instead of True." in back.config.description
    trained.config = dataclasses.replace(trained.config, description="")
    model = switched(trained, Switches(merge_ratio=0.5))
    assert model.config.description.startswith("Exported, unlike trained, with merge_ratio 0.5")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"aggregation": "ifa"}, "aggregation ifa instead of cfa"),
        ({"deformable": "deform_conv"}, "deformable deform_conv instead of grid_sample"),
    ],
)
def test_the_same_weights_of_yoso_say_the_same_in_another_form(changes, said):
    torch.manual_seed(0)
    config = ModelConfig("tiny", segmenter=YOSO, relations=RelationConfig(dim=16, num_heads=2))
    trained = build_dsflash(config, num_labels=3, num_predicates=4).eval()
    model = switched(trained, Switches(**changes))
    assert said in model.config.description
    image = torch.rand(1, 3, *YOSO.input_hw) * 255
    with torch.no_grad():
        found, expected = (network.segmenter(image) for network in (model, trained))
    for one, other in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    back = switched(model, Switches(aggregation="cfa", deformable="grid_sample"))
    assert back.config.segmenter == YOSO


def test_a_model_whose_operators_one_backend_alone_knows_says_so():
    for deformable, backend in (("grid_sample", "auto"), ("deform_conv", "onnxruntime")):
        segmenter = dataclasses.replace(YOSO, deformable=deformable)
        config = ModelConfig("tiny", segmenter=segmenter, relations=RelationConfig(dim=16))
        facts = describe_network(build_dsflash(config, 3, 4), Recommendation())
        assert facts.get("backend", "auto") == backend


def test_a_form_that_the_segmenter_does_not_have_is_refused(trained):
    with pytest.raises(ValueError, match="the segmenter eomt has no aggregation to change"):
        switched(trained, Switches(aggregation="ifa"))


def test_switches_as_trained_change_nothing(trained):
    assert switched(trained, Switches()) is trained
    assert switched(trained, Switches(prune=False, merge_ratio=0.0)) is trained


def test_an_impossible_merge_ratio_is_refused(trained):
    with pytest.raises(ValueError, match="merge_ratio must lie in 0"):
        switched(trained, Switches(merge_ratio=1.0))
