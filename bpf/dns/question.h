/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The first question of a DNS message (RFC 1035, section 4.1). */
#ifndef BPFLOW_DNS_QUESTION_H
#define BPFLOW_DNS_QUESTION_H

#include "../dns.h"
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define DNS_MOST_NAME	255
#define DNS_MOST_LABELS 127
#define DNS_MOST_LABEL	63

/* Numbers in network order. */
struct dns_head {
	u16 id;
	u16 flags;
	u16 questions;
	u16 answers;
	u16 authorities;
	u16 additionals;
};

struct question {
	u64 hash; /* of name and type, upper and lower case alike; 0: there is none */
	u32 name_length; /* with the zero at its end; 0: there is none */
	u32 type;
	u32 end; /* of the question */
};

/*
 * What is from 1 to `most`, a power of two, as it is. Verifiers do not learn from a comparison that it is not 0 (5.10), and lengths of
 * 0 are refused.
 */
static __always_inline u32 bounded(u32 length, u32 most)
{
	asm volatile("" : "+r"(length));
	return ((length - 1) & (most - 1)) + 1;
}

/* Eight bytes with A-Z as a-z. The length of a label is below 'A'. */
static __always_inline u64 lower(u64 text)
{
	u64 low = text & 0x7f7f7f7f7f7f7f7full;
	u64 above = low + 0x2525252525252525ull; /* 0x80 - ('Z' + 1) */
	u64 from = low + 0x3f3f3f3f3f3f3f3full; /* 0x80 - 'A' */

	return text | ((~text & 0x8080808080808080ull & (from ^ above)) >> 2);
}

/* Reads what lies from `at` to `end` of the packet. False when that is no whole question, or a name that none may be. */
static __always_inline bool read_question(struct __sk_buff *skb, u32 at, u32 end,
					  struct question *question)
{
	u16 kind[2];
	u64 hash = 0xcbf29ce484222325ull;
	u32 cursor = at, length;
	u8 label = 1;

	for (int i = 0; i <= DNS_MOST_LABELS; i++) {
		if (cursor >= end || bpf_skb_load_bytes(skb, cursor, &label, 1))
			return false;
		cursor++;
		if (!label)
			break;
		/* A pointer has nothing to point back to here. */
		if (label > DNS_MOST_LABEL)
			return false;
		cursor += label;
	}
	length = cursor - at;
	if (label || length > DNS_MOST_NAME || cursor + sizeof(kind) > end ||
	    bpf_skb_load_bytes(skb, cursor, kind, sizeof(kind)))
		return false;
	for (int i = 0; i < (DNS_MOST_NAME + 8) / 8; i++) {
		u32 from = at + i * 8, left;
		u64 text = 0;

		if (from >= cursor)
			break;
		left = cursor - from;
		if (left > 8)
			left = 8;
		if (bpf_skb_load_bytes(skb, from, &text, bounded(left, 8)))
			return false;
		hash = (hash ^ lower(text)) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	question->type = bpf_ntohs(kind[0]);
	question->hash = (hash ^ question->type) | 1;
	question->name_length = length;
	question->end = cursor + sizeof(kind);
	return true;
}

/* Types that have a series of their own; the others are 0 together. */
static __always_inline u32 known_type(u32 type)
{
	switch (type) {
	case 1: /* A */
	case 2: /* NS */
	case 5: /* CNAME */
	case 6: /* SOA */
	case 12: /* PTR */
	case 13: /* HINFO */
	case 15: /* MX */
	case 16: /* TXT */
	case 28: /* AAAA */
	case 33: /* SRV */
	case 35: /* NAPTR */
	case 43: /* DS */
	case 44: /* SSHFP */
	case 46: /* RRSIG */
	case 47: /* NSEC */
	case 48: /* DNSKEY */
	case 50: /* NSEC3 */
	case 52: /* TLSA */
	case 64: /* SVCB */
	case 65: /* HTTPS */
	case 251: /* IXFR */
	case 252: /* AXFR */
	case 255: /* ANY */
	case 257: /* CAA */
		return type;
	}
	return 0;
}

#define DNS_TYPE_OPT 41

/*
 * The code of a response: four bits of its header, and eight more that EDNS has. These are looked for where a response without
 * records has them, which those that they belong to are.
 */
static __always_inline u32 response_code(struct __sk_buff *skb, struct dns_head *head, u32 at,
					 u32 end)
{
	u32 rcode = bpf_ntohs(head->flags) & 0xf;
	u8 record[6]; /* root, type, size, upper bits */

	if (head->answers || head->authorities || !head->additionals || at + sizeof(record) > end ||
	    bpf_skb_load_bytes(skb, at, record, sizeof(record)))
		return rcode;
	if (record[0] || record[1] || record[2] != DNS_TYPE_OPT)
		return rcode;
	return rcode | record[5] << 4;
}

#endif
