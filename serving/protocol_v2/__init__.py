"""The Open Inference Protocol, version 2, over REST, with Triton's extensions for binary tensors and classification.

Sources: kserve/open-inference-protocol, specification/protocol/inference_rest.md; triton-inference-server/server,
docs/protocol/extension_binary_data.md and extension_classification.md.
"""
