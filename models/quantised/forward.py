"""Runs the quantised graph on all cores: one part of a batch a core."""

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import openvino as ov
import torch
from torch import Tensor
from torch.nn.functional import pad

from models.batching import plan_parts
from models.multihead import HeadKind, MultiHeadModel
from models.precision import has_native_bfloat16
from models.quantised.calibration import Calibration
from models.quantised.graph import build_graph

_PART_TOKENS = 768
"""Most padded tokens in one part: enough for the kernels, few enough to keep all cores busy."""

_PART_OVERHEAD = 40
"""What a part costs besides its tokens, in tokens: it was measured as 2.5 ms, a token as 64 us."""

_PART_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
_TOKEN_STEP = 16
"""Of all sizes a part has one of these, and lengths are rounded up: for each new shape OpenVINO
makes and keeps code."""

_KEPT_SHAPES = "128"
"""For how many it keeps: without a limit each new shape costs some MB for good."""

_PER_TOKEN = {HeadKind.TAGS, HeadKind.SPANS}


class QuantisedModel:
    """A ``Forward`` on the CPU; may be called by several threads at once.

    A batch is cut into parts of similar length, each without the padding that only longer ones
    need. Every core works on a part of its own: none waits for the others inside a layer, nor at
    the end of a batch while another one is there.
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
        self._most_tokens = int(model.encoder.config.max_position_embeddings)
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
                "CPU_RUNTIME_CACHE_CAPACITY": _KEPT_SHAPES,
            },
        )
        self._requests: SimpleQueue[ov.InferRequest] = SimpleQueue()
        for _ in range(threads):
            self._requests.put(compiled.create_infer_request())
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="int8")

    def __call__(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return logits a head: (batch, labels), or (batch, tokens, labels) for tags and spans.

        Padding must stand at the end of a row; what is told of it is 0.
        """
        rows, tokens = input_ids.shape
        logits = [
            torch.zeros(rows, *([tokens] if spec.kind in _PER_TOKEN else []), len(spec.labels))
            for spec in self._specs
        ]
        lengths = [self._rounded(length) for length in attention_mask.sum(1).tolist()]
        beyond = (0, max(0, *(length - tokens for length in lengths)))
        ids, mask = (pad(one, beyond) for one in (input_ids, attention_mask))
        share = -(-sum(lengths) // self._threads)
        limit = max(*lengths, min(_PART_TOKENS, share))
        parts = plan_parts(lengths, max_tokens=limit, overhead=_PART_OVERHEAD, sizes=_PART_SIZES)
        running = []
        for part in parts:
            longest = max(lengths[row] for row in part)
            running.append(
                self._pool.submit(self._infer, ids[part, :longest], mask[part, :longest])
            )
        for part, future in zip(parts, running, strict=True):
            for spec, whole, told in zip(self._specs, logits, future.result(), strict=True):
                if spec.kind in _PER_TOKEN:
                    whole[part, : told.shape[1]] = told[:, :tokens]
                else:
                    whole[part] = told
        return {spec.name: whole for spec, whole in zip(self._specs, logits, strict=True)}

    def _rounded(self, length: int) -> int:
        return min(-(-max(length, 1) // _TOKEN_STEP) * _TOKEN_STEP, self._most_tokens)

    def _infer(self, input_ids: Tensor, attention_mask: Tensor) -> list[Tensor]:
        """Return the logits of one part, a head each; waits for a core."""
        request = self._requests.get()
        try:
            request.start_async([one.contiguous().numpy() for one in (input_ids, attention_mask)])
            request.wait()
            outputs = (request.get_output_tensor(place) for place in range(len(self._specs)))
            return [torch.from_numpy(output.data.copy()) for output in outputs]
        finally:
            self._requests.put(request)
