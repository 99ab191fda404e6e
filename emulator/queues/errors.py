"""Every refusal of the Queue service, with Azure's own code and sentence.

Source: learn.microsoft.com/rest/api/storageservices/queue-service-error-codes and common-rest-api-error-codes.
"""

from emulator.wire import WireError

CHALLENGE = (
    b"Bearer authorization_uri=https://login.microsoftonline.com/"
    b"00000000-0000-0000-0000-000000000000/oauth2/authorize resource_id=https://storage.azure.com"
)


def queue_not_found() -> WireError:
    return WireError(404, "QueueNotFound", "The specified queue does not exist.")


def queue_already_exists() -> WireError:
    return WireError(409, "QueueAlreadyExists", "The specified queue already exists.")


def message_not_found() -> WireError:
    return WireError(404, "MessageNotFound", "The specified message does not exist.")


def pop_receipt_mismatch() -> WireError:
    return WireError(
        400,
        "PopReceiptMismatch",
        "The specified pop receipt did not match the pop receipt for a dequeued message.",
    )


def message_too_large(limit_bytes: int) -> WireError:
    return WireError(
        413,
        "RequestBodyTooLarge",
        "The request body is too large and exceeds the maximum permissible limit.",
        MaxLimit=str(limit_bytes),
    )


def invalid_resource_name() -> WireError:
    return WireError(400, "InvalidResourceName", "The specified resource name contains invalid characters.")


def resource_name_out_of_range() -> WireError:
    return WireError(
        400,
        "OutOfRangeInput",
        "The specified resource name length is not within the permissible limits.",
    )


def invalid_query_value(name: str, value: str, reason: str) -> WireError:
    return WireError(
        400,
        "InvalidQueryParameterValue",
        "Value for one of the query parameters specified in the request URI is invalid.",
        QueryParameterName=name,
        QueryParameterValue=value,
        Reason=reason,
    )


def query_out_of_range(name: str, value: int, lowest: int, highest: int) -> WireError:
    return WireError(
        400,
        "OutOfRangeQueryParameterValue",
        "One of the query parameters specified in the request URI is outside the permissible range.",
        QueryParameterName=name,
        QueryParameterValue=str(value),
        MinimumAllowed=str(lowest),
        MaximumAllowed=str(highest),
    )


def missing_query_parameter(name: str) -> WireError:
    return WireError(
        400,
        "MissingRequiredQueryParameter",
        "A query parameter that's mandatory for this request is not specified.",
        QueryParameterName=name,
    )


def invalid_header(name: str, value: str) -> WireError:
    return WireError(
        400,
        "InvalidHeaderValue",
        "The value for one of the HTTP headers is not in the correct format.",
        HeaderName=name,
        HeaderValue=value,
    )


def invalid_metadata(reason: str) -> WireError:
    return WireError(
        400,
        "InvalidMetadata",
        "The specified metadata is invalid. It has characters that are not permitted.",
        Reason=reason,
    )


def metadata_too_large(limit_bytes: int) -> WireError:
    return WireError(
        400,
        "MetadataTooLarge",
        "The size of the specified metadata exceeds the maximum size permitted.",
        MaxLimit=str(limit_bytes),
    )


def invalid_xml(reason: str) -> WireError:
    return WireError(400, "InvalidXmlDocument", "XML specified is not syntactically valid.", Reason=reason)


def invalid_xml_value(node: str, value: str, reason: str) -> WireError:
    return WireError(
        400,
        "InvalidXmlNodeValue",
        "The value provided for one of the XML nodes in the request body was not in the correct format.",
        XmlNodeName=node,
        XmlNodeValue=value,
        Reason=reason,
    )


def missing_xml_node(node: str) -> WireError:
    return WireError(
        400,
        "MissingRequiredXmlNode",
        "A required XML node was not specified in the request body.",
        XmlNodeName=node,
    )


def authentication_failed(detail: str) -> WireError:
    return WireError(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed"
        " correctly including the signature.",
        AuthenticationErrorDetail=detail,
    )


def no_authentication() -> WireError:
    return WireError(
        401,
        "NoAuthenticationInformation",
        "Server failed to authenticate the request. Please refer to the information in the www-authenticate"
        " header.",
        headers=((b"www-authenticate", CHALLENGE),),
    )


def bearer_refused(detail: str) -> WireError:
    return WireError(
        401,
        "InvalidAuthenticationInfo",
        "Server failed to authenticate the request. Please refer to the information in the www-authenticate"
        " header.",
        headers=((b"www-authenticate", CHALLENGE),),
        AuthenticationErrorDetail=detail,
    )


def malformed_authorization() -> WireError:
    return WireError(
        400,
        "InvalidAuthenticationInfo",
        "Authentication information is not given in the correct format. Check the value of Authorization"
        " header.",
    )


def not_authorized(mismatch: str, subject: str) -> WireError:
    """Return the refusal of a SAS that is genuine but grants less; *mismatch*: Permission, Service, …"""
    return WireError(
        403,
        f"Authorization{mismatch}Mismatch",
        f"This request is not authorized to perform this operation using this {subject}.",
    )


def authorization_failure(detail: str) -> WireError:
    return WireError(
        403,
        "AuthorizationFailure",
        "This request is not authorized to perform this operation.",
        AuthenticationErrorDetail=detail,
    )


def cors_refused() -> WireError:
    return WireError(
        403, "CorsPreflightFailure", "CORS not enabled or no matching rule found for this request."
    )
