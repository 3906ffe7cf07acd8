"""How a prediction can fail: one exception with a canonical gRPC code, and what each code is over HTTP."""

from __future__ import annotations

import grpc

from model.errors import UserError

_Code = grpc.StatusCode

# TensorFlow Serving's own table, but for RESOURCE_EXHAUSTED: the only resource that runs out here is the message size,
# which HTTP calls 413, not 429.
HTTP_STATUS = {
    _Code.OK: 200,
    _Code.INVALID_ARGUMENT: 400,
    _Code.FAILED_PRECONDITION: 400,
    _Code.OUT_OF_RANGE: 400,
    _Code.UNAUTHENTICATED: 401,
    _Code.PERMISSION_DENIED: 403,
    _Code.NOT_FOUND: 404,
    _Code.ABORTED: 409,
    _Code.ALREADY_EXISTS: 409,
    _Code.RESOURCE_EXHAUSTED: 413,
    _Code.CANCELLED: 499,
    _Code.INTERNAL: 500,
    _Code.DATA_LOSS: 500,
    _Code.UNKNOWN: 500,
    _Code.UNIMPLEMENTED: 501,
    _Code.UNAVAILABLE: 503,
    _Code.DEADLINE_EXCEEDED: 504,
}

_FROM_HTTP = {
    400: _Code.INVALID_ARGUMENT,
    401: _Code.UNAUTHENTICATED,
    403: _Code.PERMISSION_DENIED,
    404: _Code.NOT_FOUND,
    409: _Code.ABORTED,
    413: _Code.RESOURCE_EXHAUSTED,
    429: _Code.RESOURCE_EXHAUSTED,
    500: _Code.INTERNAL,
    501: _Code.UNIMPLEMENTED,
    503: _Code.UNAVAILABLE,
    504: _Code.DEADLINE_EXCEEDED,
}

_FROM_NUMBER = {code.value[0]: code for code in _Code}


class ServingError(UserError):
    """A request could not be answered.

    Attributes:
        code: why, as a gRPC status code, whichever protocol carried the request.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code


def code_of_http(status: int) -> grpc.StatusCode:
    """The gRPC code of an HTTP error status; UNKNOWN for one that a model server has no use for."""
    return _FROM_HTTP.get(status, _Code.UNKNOWN)


def code_of_number(number: int) -> grpc.StatusCode:
    """The gRPC code of a canonical error number, as TensorFlow's errors carry it."""
    return _FROM_NUMBER.get(number, _Code.UNKNOWN)
