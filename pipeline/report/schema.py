"""docs/results.schema.json: what stands in results.json, made from the values that are written there."""

from typing import Any

from pydantic import TypeAdapter

from edge.device.files import write_json
from pipeline.report.sections import Results
from pipeline.stage import ROOT

PLACE = ROOT / "docs" / "results.schema.json"


def schema() -> dict[str, Any]:
    """The JSON schema of results.json (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TypeAdapter(Results).json_schema(mode="serialization"),
    }


if __name__ == "__main__":
    write_json(PLACE, schema())
