"""The signature as TF Serving tells it."""

import pytest
from werkzeug.test import Client

from tests.conftest import SHIPPED, shipped


@pytest.mark.parametrize("model", SHIPPED)
def test_the_metadata_is_what_tf_serving_reads_out_of_the_savedmodel(client: Client, model: str) -> None:
    from google.protobuf import json_format
    from tensorflow.core.protobuf import saved_model_pb2

    folder = shipped(model)
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    described = json_format.MessageToDict(
        saved.meta_graphs[0].signature_def["serving_default"],
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    answer = client.get(f"/v1/models/{model}/metadata").get_json()
    assert answer == {
        "model_spec": {"name": model, "signature_name": "", "version": folder.name},
        "metadata": {"signature_def": {"signature_def": {"serving_default": described}}},
    }
