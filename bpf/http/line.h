/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lines of HTTP/1.x (RFC 9112), as far as a window shows them. Eight bytes at a time, the first one lowest. */
#ifndef BPFLOW_HTTP_LINE_H
#define BPFLOW_HTTP_LINE_H

#include "connection.h"

#define WORD(a, b, c, d, e, f, g, h)                                                   \
	((u64)(a) | (u64)(b) << 8 | (u64)(c) << 16 | (u64)(d) << 24 | (u64)(e) << 32 | \
	 (u64)(f) << 40 | (u64)(g) << 48 | (u64)(h) << 56)
#define FIRST(bytes, word) ((word) & (~0ull >> (64 - 8 * (bytes))))
#define EACH(byte)	   (0x0101010101010101ull * (byte))

#define NO_METHOD (~0u)

static __always_inline u64 word_at(const u8 *window, u32 at)
{
	return *(const u64 *)(window + at);
}

/* A bit for each newline among eight bytes; those above the lowest may be wrong. */
static __always_inline u64 newlines_of(u64 word)
{
	u64 differs = word ^ EACH('\n');
	u64 found = (differs - EACH(1)) & ~differs & EACH(0x80);

	return ((found >> 7) * 0x0102040810204080ull) >> 56;
}

/* Place of the first newline of the window; WINDOW: there is none. Without a branch: each would be a way for the verifier. */
static __always_inline u32 find_newline(const u8 *window)
{
	u64 found = newlines_of(word_at(window, 0)) | newlines_of(word_at(window, 8)) << 8 |
		    newlines_of(word_at(window, 16)) << 16 |
		    newlines_of(word_at(window, 24)) << 24 | 1ull << WINDOW;
	u64 below = (found & -found) - 1;

	below -= (below >> 1) & EACH(0x55);
	below = (below & EACH(0x33)) + ((below >> 2) & EACH(0x33));
	return (((below + (below >> 4)) & EACH(0x0f)) * EACH(1)) >> 56;
}

/* A method is capital letters here, and what some others than the registered ones have between them. */
static __always_inline u32 method_of(const u8 *window)
{
	u64 word = word_at(window, 0);

	if (FIRST(4, word) == WORD('G', 'E', 'T', ' ', 0, 0, 0, 0))
		return HTTP_GET;
	if (FIRST(5, word) == WORD('P', 'O', 'S', 'T', ' ', 0, 0, 0))
		return HTTP_POST;
	if (FIRST(5, word) == WORD('H', 'E', 'A', 'D', ' ', 0, 0, 0))
		return HTTP_HEAD;
	if (FIRST(4, word) == WORD('P', 'U', 'T', ' ', 0, 0, 0, 0))
		return HTTP_PUT;
	if (FIRST(7, word) == WORD('D', 'E', 'L', 'E', 'T', 'E', ' ', 0))
		return HTTP_DELETE;
	if (FIRST(6, word) == WORD('P', 'A', 'T', 'C', 'H', ' ', 0, 0))
		return HTTP_PATCH;
	if (word == WORD('O', 'P', 'T', 'I', 'O', 'N', 'S', ' '))
		return HTTP_OPTIONS;
	if (word == WORD('C', 'O', 'N', 'N', 'E', 'C', 'T', ' '))
		return HTTP_CONNECT;
	if (FIRST(6, word) == WORD('T', 'R', 'A', 'C', 'E', ' ', 0, 0))
		return HTTP_TRACE;
	if (FIRST(6, word) == WORD('Q', 'U', 'E', 'R', 'Y', ' ', 0, 0))
		return HTTP_QUERY;
	for (int i = 0; i < WINDOW - 1; i++) {
		u8 c = window[i];

		if (c == ' ')
			return i ? HTTP_OTHER_METHOD : NO_METHOD;
		if ((c < 'A' || c > 'Z') && c != '-' && c != '_')
			return NO_METHOD;
	}
	return NO_METHOD;
}

static __always_inline bool begins_response(u64 word)
{
	return FIRST(7, word) == WORD('H', 'T', 'T', 'P', '/', '1', '.', 0);
}

/* The code of a status line; 0 when it is none. */
static __always_inline u32 status_of(const u8 *window, u32 newline)
{
	u32 hundreds = window[9] - '0', tens = window[10] - '0', ones = window[11] - '0';

	if (newline < 12 || !begins_response(word_at(window, 0)) || window[8] != ' ')
		return 0;
	if (hundreds > 9 || tens > 9 || ones > 9 || (window[12] >= '0' && window[12] <= '9'))
		return 0;
	return hundreds * 100 + tens * 10 + ones;
}

/* The eight bytes before the end of a line whose newline is at `newline`, 8 at least. */
static __always_inline u64 tail_of(const u8 *window, u32 newline)
{
	u32 end = newline, last = newline - 1;

	/* Verifiers see bounds that the compiler would leave out. */
	asm volatile("" : "+r"(end), "+r"(last));
	end &= WINDOW - 1;
	if (window[last & (WINDOW - 1)] == '\r')
		end--;
	end -= 8;
	if (end >= WINDOW)
		return 0;
	asm volatile("" : "+r"(end));
	return word_at(window, end & (WINDOW - 1));
}

static __always_inline bool ends_with_version(const u8 *window, u32 newline)
{
	u64 tail = tail_of(window, newline);

	return begins_response(tail) && tail >> 56 >= '0' && tail >> 56 <= '9';
}

static __always_inline bool ends_with_chunked(const u8 *window, u32 newline)
{
	return (tail_of(window, newline) >> 8 | EACH(0x20) >> 8) ==
	       WORD('c', 'h', 'u', 'n', 'k', 'e', 'd', 0);
}

static __always_inline bool is_content_length(const u8 *window)
{
	return (word_at(window, 0) | EACH(0x20)) == WORD('c', 'o', 'n', 't', 'e', 'n', 't', '-') &&
	       FIRST(7, word_at(window, 8) | EACH(0x20)) ==
		       WORD('l', 'e', 'n', 'g', 't', 'h', ':', 0);
}

static __always_inline bool is_transfer_encoding(const u8 *window)
{
	return (word_at(window, 0) | EACH(0x20)) == WORD('t', 'r', 'a', 'n', 's', 'f', 'e', 'r') &&
	       (word_at(window, 8) | EACH(0x20)) == WORD('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n') &&
	       FIRST(2, word_at(window, 16) | EACH(0x20)) == WORD('g', ':', 0, 0, 0, 0, 0, 0);
}

/* The number behind `Content-Length:`; NO_LENGTH when it does not end in the window. */
static __always_inline u64 read_length(const u8 *window)
{
	u64 length = 0;
	u32 digits = 0;

	for (int i = 15; i < WINDOW; i++) {
		u8 c = window[i];

		if (c >= '0' && c <= '9') {
			length = length * 10 + (c - '0');
			digits++;
		} else if (digits || (c != ' ' && c != '\t')) {
			return digits ? length : NO_LENGTH;
		}
	}
	return NO_LENGTH;
}

/* The size before a chunk; NO_LENGTH when there is none, or it is none that any body has. */
static __always_inline u64 read_chunk_size(const u8 *window)
{
	u64 size = 0;

	for (int i = 0; i < 16; i++) {
		u8 c = window[i], letter = c | 0x20;

		if (c >= '0' && c <= '9')
			size = size << 4 | (c - '0');
		else if (letter >= 'a' && letter <= 'f')
			size = size << 4 | (letter - 'a' + 10);
		else
			return i ? size : NO_LENGTH;
	}
	return NO_LENGTH;
}

#endif
