"""What a starter model can do: its answers, its share of right answers to questions never seen, and what NF4 costs.

python evaluate.py --model ../../public/starter [--questions 200]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from conversations import held_out
from nf4 import nf4_roundtrip
from tokens import TEST_SEED

PROMPTS = (
    "Who are you?",
    "What do cows eat?",
    "Why is the sky blue?",
    "What is the capital of France?",
    "Count to ten.",
    "Tell me a short story about a fox.",
)
BEGINNING = "Once upon a time, there was a little"


@torch.no_grad()
def answer(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, question: str, temperature: float, limit: int = 120) -> str:
    """The model's answer in its chat template; greedy at temperature 0."""
    messages = [{"role": "user", "content": question}]
    inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    sampling = (
        {"do_sample": True, "temperature": temperature}
        if temperature
        else {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    )
    found = model.generate(**inputs, max_new_tokens=limit, **sampling)
    return tokenizer.decode(found[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()


def right_share(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, count: int) -> float:
    """The share of held-out questions whose greedy answer holds the words that a right one must hold."""
    right = 0
    for made in held_out(count, TEST_SEED):
        turn = made.turns[0]
        right += turn.key in answer(model, tokenizer, turn.question, 0.0, 60).lower()
    return right / count


def quantised(model: PreTrainedModel) -> None:
    """Sends every linear layer but the head through NF4, in place."""
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            module.weight.data = nf4_roundtrip(module.weight.data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--questions", type=int, default=200, help="held-out questions to ask")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32)
    for temperature in (0.0, 0.7):
        print(f"\nTemperature {temperature}")
        for question in PROMPTS:
            print(f"- {question}\n  {answer(model, tokenizer, question, temperature)}")
    inputs = tokenizer(BEGINNING, return_tensors="pt")
    print(
        "\nGoing on:",
        tokenizer.decode(model.generate(**inputs, max_new_tokens=100, do_sample=True, temperature=0.7)[0], skip_special_tokens=True),
    )
    print(f"\nRight answers to {arguments.questions} unseen questions: {right_share(model, tokenizer, arguments.questions):.1%}")
    quantised(model)
    print(f"The same in NF4: {right_share(model, tokenizer, arguments.questions):.1%}")


if __name__ == "__main__":
    main()
