"""Tokens and masks are those of transformers: documents, prompts with completions, and conversations in the models' own templates."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from models import random_llama
from terminal import ROOT, headless, read_lines, write_json, write_lines

IGNORED = -100
LLAMA31 = ROOT / "node_modules" / "@lenml" / "tokenizer-llama3_1" / "models"
TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "  Leading space, a\ttab, two\n\nlines; naïve café — “quotes”, 12345 and 3.14.",
    "日本語 and emoji 👩‍👩‍👧 with e\u0301 combining.",
]
CONVERSATIONS: list[list[dict[str, str]]] = [
    [
        {"role": "user", "content": "What is the sea?"},
        {"role": "assistant", "content": "It is water, and salt."},
    ],
    [
        {"role": "system", "content": "Answer in one word."},
        {"role": "user", "content": "Where does the cat sleep?\nAnd when?"},
        {"role": "assistant", "content": "  Here.  "},
        {"role": "user", "content": "Thank you — merci!"},
        {"role": "assistant", "content": "Never mind.\n\nGood 🌙."},
    ],
]
# The templates of both models, with the mark by which transformers itself tells what an assistant writes.
MARKED = {
    "starter": (
        "{{- bos_token }}{%- for message in messages %}{{- '<|im_start|>' + message['role'] + '\\n' }}"
        "{%- if message['role'] == 'assistant' %}"
        "{%- generation %}{{- message['content'] | trim + '<|im_end|>' }}{%- endgeneration %}"
        "{%- else %}{{- message['content'] | trim + '<|im_end|>' }}{%- endif %}"
        "{{- '\\n' }}{%- endfor %}"
    ),
    "llama3.1": (
        "{{- bos_token }}{%- for message in messages %}"
        "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}"
        "{%- if message['role'] == 'assistant' %}"
        "{%- generation %}{{- message['content'] | trim + '<|eot_id|>' }}{%- endgeneration %}"
        "{%- else %}{{- message['content'] | trim + '<|eot_id|>' }}{%- endif %}{%- endfor %}"
    ),
}


@pytest.fixture(scope="module", params=["starter", "llama3.1"])
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, pathlib.Path]:
    """A model's folder with its tokenizer, and the name that MARKED has for it."""
    if request.param == "starter":
        return request.param, ROOT / "public" / "starter"
    folder = tmp_path_factory.mktemp("llama3.1") / "model"
    random_llama(
        vocab_size=128_256, hidden_size=16, intermediate_size=16, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=True,
    ).save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(LLAMA31 / file, folder / file)
    return request.param, folder


def tokenize(
    folder: pathlib.Path, model: pathlib.Path, rows: Sequence[object], **settings: Any
) -> list[dict[str, Any]]:
    data = write_lines(folder / "data.jsonl", rows)
    config = write_json(folder / "config.json", {"max_seq_length": 4096, **settings})
    out = folder / "tokens.jsonl"
    headless("tokenize", "--model", model, "--data", data, "--config", config, "--out", out)
    lines = read_lines(out)
    assert [line["source"] for line in lines] == [f"data.jsonl:{n + 1}" for n in range(len(rows))]
    return lines


def ids_of(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def counted(labels: list[int]) -> list[int]:
    """Labels without the first, which has nothing before it to be predicted from and never counts."""
    return labels[1:]


def test_documents(model: tuple[str, pathlib.Path], tmp_path: pathlib.Path) -> None:
    _, folder = model
    tokenizer = AutoTokenizer.from_pretrained(folder)
    lines = tokenize(tmp_path, folder, [{"text": text} for text in TEXTS])
    for line, text in zip(lines, TEXTS, strict=True):
        expected = [tokenizer.bos_token_id, *ids_of(tokenizer, text), tokenizer.eos_token_id]
        assert line["input_ids"] == expected
        assert counted(line["labels"]) == counted(expected)


def test_prompt_and_completion(model: tuple[str, pathlib.Path], tmp_path: pathlib.Path) -> None:
    """One text, so that a token may reach over the border; such a token is trained."""
    _, folder = model
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pairs = [("Once upon a ", "time there was a king."), ("2 + 2 =", " 4"), ("Élan", "ce — 👍")]
    rows = [{"prompt": prompt, "completion": completion} for prompt, completion in pairs]
    for line, (prompt, completion) in zip(tokenize(tmp_path, folder, rows), pairs, strict=True):
        encoded = tokenizer(
            prompt + completion, add_special_tokens=False, return_offsets_mapping=True
        )
        ids = encoded["input_ids"]
        labels = [
            token if end > len(prompt) else IGNORED
            for token, (_, end) in zip(ids, encoded["offset_mapping"], strict=True)
        ]
        assert line["input_ids"] == [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id]
        assert line["labels"] == [IGNORED, *labels, tokenizer.eos_token_id]


@pytest.mark.parametrize("train_on_prompt", [False, True], ids=["answers", "everything"])
def test_conversations(
    train_on_prompt: bool, model: tuple[str, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    name, folder = model
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = [{"messages": messages} for messages in CONVERSATIONS]
    lines = tokenize(tmp_path, folder, rows, train_on_prompt=train_on_prompt)
    for line, messages in zip(lines, CONVERSATIONS, strict=True):
        own = tokenizer.apply_chat_template(messages, tokenize=False)
        marked = tokenizer.apply_chat_template(
            messages, tokenize=False, chat_template=MARKED[name]
        )
        assert own == marked, "the marked template must render what the model's own does"
        assert line["input_ids"] == ids_of(tokenizer, own)
        encoded = tokenizer.apply_chat_template(
            messages, chat_template=MARKED[name], return_dict=True, return_assistant_tokens_mask=True
        )
        assert encoded["input_ids"] == line["input_ids"]
        mask = encoded["assistant_masks"]
        assert 0 < sum(mask) < len(mask)
        expected = [
            token if trained or train_on_prompt else IGNORED
            for token, trained in zip(line["input_ids"], mask, strict=True)
        ]
        assert counted(line["labels"]) == counted(expected)


@pytest.mark.parametrize("template", ["llama3", "chatml", "alpaca"])
def test_shapes_are_one_conversation(template: str, tmp_path: pathlib.Path) -> None:
    """The same exchange in each dataset's own keys gives the same tokens and labels."""
    system, question, answer = "Be brief.", "Name a colour.", "Blue."
    messages = [
        {"role": "system", "content": system},
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]
    shapes: list[dict[str, Any]] = [
        {"messages": messages},
        {"instruction": question, "input": "", "output": answer, "system": system},
        {
            "conversations": [
                {"from": "human", "value": question},
                {"from": "gpt", "value": answer},
            ],
            "system": system,
        },
        {"system_prompt": system, "question": question, "response": answer},
        {"prompt": messages[:2], "completion": messages[2:]},
    ]
    starter = ROOT / "public" / "starter"
    tokenizer = AutoTokenizer.from_pretrained(starter)
    bos, eos = tokenizer.bos_token, tokenizer.eos_token
    rendered = {
        "llama3": "".join(
            [bos]
            + [
                f"<|start_header_id|>{m['role']}<|end_header_id|>\n\n{m['content']}<|eot_id|>"
                for m in messages
            ]
        ),
        "chatml": "".join(
            [bos] + [f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages]
        ),
        "alpaca": (
            f"{bos}{system}\n\n### Instruction:\n{question}\n\n### Response:\n{answer}{eos}"
        ),
    }
    for line in tokenize(tmp_path, starter, shapes, chat_template=template):
        assert line["input_ids"] == ids_of(tokenizer, rendered[template])
        trained = [token for token in line["labels"] if token != IGNORED]
        assert tokenizer.decode(trained).startswith(answer)
