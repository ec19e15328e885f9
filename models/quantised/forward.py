"""Runs the quantised graph on all cores: one part of a batch a core."""

import openvino as ov
import torch
from torch import Tensor

from models.batching import plan_batches
from models.multihead import HeadKind, MultiHeadModel
from models.precision import has_native_bfloat16
from models.quantised.calibration import Calibration
from models.quantised.graph import build_graph

_PART_TOKENS = 1536
"""Most padded tokens in one part: enough for the kernels, few enough to keep all cores busy."""

_PER_TOKEN = {HeadKind.TAGS, HeadKind.SPANS}


class QuantisedModel:
    """A ``Forward`` on the CPU; used by one thread at a time.

    A batch is cut into parts of similar length, each without the padding that only longer ones
    need. Every core works on a part of its own: none waits for the others inside a layer.
    """

    def __init__(self, model: MultiHeadModel, calibration: Calibration, *, threads: int) -> None:
        """Build and compile the graph; ``model`` is not needed afterwards.

        Args:
            model: In float32 on the CPU.
            calibration: The ranges of its activations.
            threads: Cores used.

        Raises:
            ValueError: If the encoder has no int8 form.
        """
        self._specs = model.specs
        self._threads = threads
        precision = "bf16" if has_native_bfloat16() else "f32"
        compiled = ov.Core().compile_model(
            build_graph(model, calibration),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": precision,  # of what is not int8
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": threads,
                # Pinned, two workers on one machine would fight for the same cores.
                "ENABLE_CPU_PINNING": False,
                # OpenVINO's own kernel for attention is slower here than its parts.
                "SNIPPETS_MODE": "DISABLE",
            },
        )
        self._queue = ov.AsyncInferQueue(compiled, threads)

    def __call__(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return logits a head: (batch, labels), or (batch, tokens, labels) for tags and spans.

        Padding must stand at the end of a row; what is told of it is 0.
        """
        rows, tokens = input_ids.shape
        lengths = attention_mask.sum(1).tolist()
        logits = [
            torch.zeros(rows, *([tokens] if spec.kind in _PER_TOKEN else []), len(spec.labels))
            for spec in self._specs
        ]

        @torch.inference_mode()  # OpenVINO calls this from a thread of its own
        def keep(request: ov.InferRequest, part: list[int]) -> None:
            for place, spec in enumerate(self._specs):
                told = torch.from_numpy(request.get_output_tensor(place).data)
                where = (part, slice(told.shape[1])) if spec.kind in _PER_TOKEN else (part,)
                logits[place][where] = told

        self._queue.set_callback(keep)
        share = -(-sum(lengths) // self._threads)
        limit = max(*lengths, min(_PART_TOKENS, share), 1)
        for part in plan_batches(lengths, max_items=rows, max_tokens=limit):
            longest = max(lengths[row] for row in part)
            inputs = (input_ids[part, :longest], attention_mask[part, :longest])
            self._queue.start_async([one.contiguous().numpy() for one in inputs], part)
        self._queue.wait_all()
        return {spec.name: told for spec, told in zip(self._specs, logits, strict=True)}
