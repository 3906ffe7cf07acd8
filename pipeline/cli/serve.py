"""Example: mviper serve --grpc_port=8500 --rest_port=8501."""

from __future__ import annotations

from absl import flags

flags.DEFINE_string(
    "model_base", "", "folder with numbered SavedModels, the newest is served; default: the network that comes along"
)
flags.DEFINE_string("model_name", "mviper", "what requests call the model")
flags.DEFINE_string("host", "127.0.0.1", "address to bind")
flags.DEFINE_integer("grpc_port", 8500, "gRPC port, 0: a free one")
flags.DEFINE_integer("rest_port", 8501, "REST port, 0: a free one")


def main(_: list[str]) -> int:
    """Serves until stopped."""
    from pipeline.export import pretrained_base
    from serving.local_server import ServerSettings, serve

    values = flags.FLAGS
    settings = ServerSettings(host=values.host, grpc_port=values.grpc_port, rest_port=values.rest_port)

    def say(server) -> None:
        url = f"http://{values.host}:{server.rest_port}/v1/models/{values.model_name}"
        print(f"gRPC on {values.host}:{server.grpc_port}, REST on {url}", flush=True)

    serve(values.model_base or str(pretrained_base()), values.model_name, settings, on_ready=say)
    return 0
