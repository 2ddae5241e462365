"""What the vendor's SDKs send and make of an answer: the bytes of a request, the numbers of errors."""

from __future__ import annotations

import asyncio

import callr
import pytest

from tests.dialects.callr.sdks import Sdk
from tests.fixtures import CALLR_LOGIN, TOKENS


async def test_errors_are_what_the_sdk_raises_with_the_vendors_words_and_numbers(sdk: Sdk) -> None:
    assert await sdk.fault("apps.get", "INVALID") == ("PROPERTY_VALUE_ERROR [app]", 151)
    assert await sdk.fault("apps.create", "INVALID_TYPE", "x", None) == (
        "Oops, Internal Error. ¯\\_(ツ)_/¯", -32603,
    )  # fmt: skip
    assert await sdk.fault("no.such_method") == ("Method not found", -32601)
    assert await sdk.fault("apps.get") == ("INVALID_PARAM_FORMAT [app]", -32602)
    assert await sdk.fault("apps.get", "INVALID", None) == ("PROPERTY_VALUE_ERROR [app]", 151)
    assert await sdk.fault("system.get_timestamp", 1) == ("Invalid params: at most 0 expected", -32602)


async def test_the_python_sdk_is_told_the_http_status_of_bad_credentials(port: int) -> None:
    api = callr.Api(CALLR_LOGIN[0], "wrong")
    api.set_api_url(f"http://127.0.0.1:{port}/json-rpc/v1.1/")
    with pytest.raises(callr.CallrException) as caught:
        await asyncio.to_thread(api.call, "system.get_timestamp")
    assert (caught.value.msg, caught.value.code, caught.value.data["http_code"]) == ("HTTP_CODE_ERROR", -1, 401)


async def _raw(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


async def test_the_bytes_of_the_python_sdk_with_its_empty_expect_header_are_answered_in_full(port: int) -> None:
    body = b'{"id": 677, "jsonrpc": "2.0", "method": "system.get_timestamp", "params": []}'
    head = (
        "POST /json-rpc/v1.1/ HTTP/1.1\r\nAccept-Encoding: identity\r\nHost: 127.0.0.1\r\nExpect: \r\n"
        f"Content-Type: application/json-rpc; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: Api-Key {TOKENS['callr']}\r\nConnection: close\r\n\r\n"
    )
    answer = await _raw(port, head.encode() + body)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'\r\n\r\n{"jsonrpc":"2.0","id":677,"result":' in answer
