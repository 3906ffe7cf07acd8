"""A SavedModel served from this process, over TensorFlow Serving's own gRPC and REST protocols, without Docker.

    from serving.local_server import LocalServer, ServerSettings

    with LocalServer("models/mviper", "mviper", ServerSettings(grpc_port=0, rest_port=0)) as server:
        print(server.grpc_port, server.rest_port)

Clients written against TensorFlow Serving work unchanged. Left out: Classify, Regress, MultiInference, request
batching, version labels, several models in one server, TLS.
"""

from serving.local_server.model_folder import ModelFolderError
from serving.local_server.server import LocalServer, ServerSettings, serve

__all__ = ["LocalServer", "ModelFolderError", "ServerSettings", "serve"]
