# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A finished run becomes a model folder that the runtime opens and that says what torch says."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from psg_ros.backend_table import INT8
from psg_ros.config import PipelineConfig, Recommendation
from psg_ros.data.opening import open_dataset
from psg_ros.frame import Frame
from psg_ros.network.tensorrt_check import check_artifact
from psg_ros.pictures.picture_file import read_image
from psg_ros.robot.manifest import load_model_folder
from psg_ros.robot.pipeline import Pipeline
from psg_ros.setting_files import load_config
from psg_ros.training import release, train
from psg_ros.training.checkpoint import save_weights
from psg_ros.training.config import TrainConfig
from psg_ros.training.quantization import quantize_model
from psg_ros.training.relations import relations
from psg_ros.training.relations.relation_pictures import describe, network_input
from psg_ros.training.relations.relation_samples import sample_format, true_sample
from psg_ros.training.release import Layout, export_model
from psg_ros.training.segmenter import segmentation_run

LOOSE = Recommendation(score=0.0, overlap=0.0)
"""Even random weights give segments."""


@pytest.fixture
def run_folder(write_config) -> Path:
    """A finished run whose weights are random."""
    config_path = write_config()
    config = load_config(TrainConfig, config_path)
    torch.manual_seed(3)
    model = train.build_model(config, train.vocabulary_of(config))
    # Statistics of a stem that has seen pictures; the start values would hide a mix-up.
    model.segmenter.stem[1].running_var.uniform_(0.5, 2)
    folder = Path(config.out)
    save_weights(model.segmenter.state_dict(), folder / segmentation_run.WEIGHTS)
    save_weights(model.relations.state_dict(), folder / relations.WEIGHTS)
    (folder / train.CONFIG_COPY).write_text(config_path.read_text())
    return folder


def test_a_run_is_loaded_as_it_was_trained(run_folder):
    model, config, vocabulary = train.load_run(run_folder)
    assert not model.training
    assert (config.model, vocabulary.label_names) == ("tiny", ("box", "ball", "ground"))
    assert model.segmenter.stem[1].running_var.max() > 1.1


@pytest.mark.parametrize(
    "missing", [train.CONFIG_COPY, segmentation_run.WEIGHTS, relations.WEIGHTS]
)
def test_an_unfinished_run_is_refused_and_nothing_written(run_folder, tmp_path, missing):
    (run_folder / missing).unlink()
    with pytest.raises(FileNotFoundError, match=missing):
        export_model(run_folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture
def exported(run_folder: Path, exports: Path) -> Path:
    """The model folder `tiny` of the run, alone in its place; made once, do not change it.

    Notes and the calibration of other weights lay there before.
    """
    out = exports / "mine"
    if not out.exists():
        out.mkdir()
        (out / "README.md").write_text("stays")
        (out / "calibration.yaml").write_text("of other weights")
        export_model(run_folder, out, Recommendation(score=0.3, relation=0.0))
    return out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_a_new_export_drops_the_calibration_of_the_old_weights_and_nothing_else(exported):
    assert not (exported / "calibration.yaml").exists()
    assert (exported / "README.md").read_text() == "stays"
    assert [path.name for path in exported.parent.iterdir()] == ["mine"], "no scratch is left"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_the_exported_model_says_what_torch_says(exported, run_folder, tiny_psg):
    manifest = load_model_folder(str(exported)).manifest
    assert (manifest.name, manifest.input_hw, manifest.mask_stride) == ("mine", (32, 48), 4)
    assert (manifest.grid_hw, manifest.cell_px) == ((2, 3), (16, 16))
    assert (manifest.score_threshold, manifest.overlap_threshold) == (0.3, 0.8)
    plain = yaml.safe_load((exported / "manifest.yaml").read_text())
    overlap = plain["artifacts"]["relations"]["inputs"][1]
    queries = manifest.artifact("segmenter").outputs[0].shape[1]
    assert overlap["shape"] == [-1, 6], "the pair axis is free"
    assert overlap["maximum"] == [queries * (queries - 1) // 2, 6], "any two queries"

    model, _, vocabulary = train.load_run(run_folder)
    item = open_dataset(tiny_psg, vocabulary, "test")[0]
    pairs, expected = torch_logits(model, item)
    config = PipelineConfig(model=str(exported), precision="fp32", threads=1)
    with Pipeline.open(config) as pipeline:
        assert pipeline(Frame(read_image(item.image_path))).segmentation.image_hw == (48, 72)
        graph = pipeline.predict_relations(Frame(read_image(item.image_path)), item.segmentation)
    scores = graph.relation_scores
    np.testing.assert_array_equal(scores.pairs, pairs)
    np.testing.assert_allclose(scores.logits, expected, atol=1e-3)
    assert np.ptp(expected, axis=0).max() > 0.01, "pairs must differ for this test to say something"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_a_model_in_fp16_says_so_and_is_taken_by_tensorrt(run_folder, tmp_path):
    layout = Layout("segmenter_only", half=True, precision="fp16")
    folder = load_model_folder(str(export_model(run_folder, tmp_path / "x", LOOSE, layout=layout)))
    spec = folder.manifest.artifact("segmenter")
    assert spec.precision == "fp16"
    assert check_artifact(folder.artifact_path("segmenter"), spec) == []
    picture = np.zeros((64, 96, 3), np.uint8)
    quantize_model(str(folder.path), INT8, [lambda: picture], None, "psg quantize")
    folder = load_model_folder(str(folder.path))
    twin = folder.manifest.artifact("segmenter", twin=INT8)
    assert (twin.precision, twin.twin) == ("fp16", INT8)
    assert check_artifact(folder.artifact_path("segmenter", twin=INT8), twin) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_a_segmenter_alone_needs_no_relation_stage_and_finds_the_same_segments(
    exported, run_folder, tmp_path, tiny_psg
):
    (run_folder / relations.WEIGHTS).unlink()
    alone = export_model(run_folder, tmp_path / "alone", LOOSE, layout=Layout("segmenter_only"))
    assert sorted(path.name for path in alone.iterdir()) == [
        "labels.yaml", "manifest.yaml", "segmenter.onnx"
    ]  # fmt: skip
    vocabulary = load_model_folder(str(alone)).vocabulary
    image = read_image(open_dataset(tiny_psg, vocabulary, "test")[0].image_path)
    loose = {"score_threshold": LOOSE.score, "overlap_threshold": LOOSE.overlap}
    config = PipelineConfig(precision="fp32", threads=1, **loose)
    graphs = []
    for folder in (exported, alone):
        with Pipeline.open(dataclasses.replace(config, model=str(folder))) as pipeline:
            graphs.append(pipeline(Frame(image)))
    whole, segments = graphs
    assert segments.nodes == whole.nodes and len(segments.nodes) > 0
    assert segments.relations == () and segments.relation_scores.pairs.shape == (0, 2)


@torch.no_grad()
def torch_logits(model, item) -> tuple[np.ndarray, np.ndarray]:
    """Directed pairs and their logits, computed with the modules that training uses."""
    format = sample_format(model, "full")
    image = network_input(read_image(item.image_path), format)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    _, _, taps = model.segmenter(pixels)
    sample = true_sample(describe(item, image, format), torch.cat(taps))
    pairs = torch.triu_indices(len(sample.overlap), len(sample.overlap), offset=1).T
    overlap, boxes = sample.overlap[pairs], sample.boxes[pairs].flatten(1)
    cells = model.relations.tap_embedding(taps)
    forward, backward = model.relations(cells, overlap[:, 0], overlap[:, 1], boxes)
    both = torch.cat((pairs, pairs.flip(1)))
    return both.numpy(), torch.cat((forward, backward)).numpy()


def test_an_export_that_fails_leaves_nothing(run_folder, tmp_path, monkeypatch):
    def out_of_disk(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(release.export, "export_relations", out_of_disk)
    with pytest.raises(OSError, match="No space left"):
        export_model(run_folder, tmp_path / "models" / "mine")
    assert not (tmp_path / "models").exists()


def test_a_file_is_not_taken_for_a_model_folder(run_folder, tmp_path):
    (tmp_path / "mine").write_text("notes")
    with pytest.raises(FileExistsError, match="mine is a file; a model is a folder"):
        export_model(run_folder, tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "notes"
