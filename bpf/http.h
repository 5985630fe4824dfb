/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BPFLOW_HTTP_H
#define BPFLOW_HTTP_H

#include "include/hist.h"
#include "include/types.h"

#define HTTP_FIRST_STATUS 100
#define HTTP_LAST_STATUS  599
#define HTTP_OTHER_STATUS 0 /* the codes outside of these are one */

/* On which side of the connection the socket is. */
enum http_role {
	HTTP_CLIENT,
	HTTP_SERVER,
	HTTP_ROLES,
};

/* Those of RFC 9110, PATCH (RFC 5789) and QUERY; the others are one. */
enum http_method {
	HTTP_OTHER_METHOD,
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_CONNECT,
	HTTP_OPTIONS,
	HTTP_TRACE,
	HTTP_PATCH,
	HTTP_QUERY,
	HTTP_METHODS,
};

struct http_key {
	group_t group;
	u32 role; /* enum http_role */
	u32 method; /* enum http_method */
};

/* At rest: requests = unanswered + the responses of struct http_answer_value that are final + those that still wait. */
struct http_value {
	count_t requests;
	count_t unanswered; /* their socket was closed before */
};

struct http_answer_key {
	group_t group;
	u32 role;
	u32 status; /* HTTP_FIRST_STATUS to HTTP_LAST_STATUS, HTTP_OTHER_STATUS */
};

struct http_answer_value {
	count_t responses;
};

struct http_time_key {
	group_t group;
	u32 role;
};

/* What is of no request. Index of the per-CPU array `http_strays`: one of these times HTTP_ROLES, and the role. */
enum http_stray {
	HTTP_UNMATCHED, /* responses that answer no request */
	HTTP_MALFORMED_REQUEST,
	HTTP_MALFORMED_RESPONSE,
	HTTP_TLS, /* connections that begin with a handshake of TLS */
	HTTP_2, /* connections that begin with the preface of HTTP/2 */
	HTTP_STRAYS,
};

struct http_stray_value {
	count_t count;
};

#endif
